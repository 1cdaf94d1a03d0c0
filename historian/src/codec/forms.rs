//! What most stored forms are: fields one after the other, or a text.

/// Structures: their fields in this order.
macro_rules! fields {
    ($($t:ty { $($f:ident),* })*) => {$(
        impl Record for $t {
            fn put(&self, w: &mut Writer) {
                $(self.$f.put(w);)*
            }
            fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
                Ok(Self { $($f: Record::get(r)?),* })
            }
        }
    )*};
}

/// Types that are written as a text and read back from it.
macro_rules! texts {
    ($($t:ty, $write:expr, $read:expr;)*) => {$(
        impl Record for $t {
            fn put(&self, w: &mut Writer) {
                let write: fn(&$t) -> &str = $write;
                w.bytes(write(self).as_bytes());
            }
            fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
                let read: fn(&str) -> Option<$t> = $read;
                read(r.str()?).ok_or(Damage(concat!("a text is not a ", stringify!($t))))
            }
        }
    )*};
}
