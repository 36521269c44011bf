@layout foo
