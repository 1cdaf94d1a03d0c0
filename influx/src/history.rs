//! The past, shipped from the archive: for what was committed before shipping was switched on, and for what the server lost.
