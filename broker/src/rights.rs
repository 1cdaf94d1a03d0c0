//! What an identity may publish and subscribe to.

/// The rights of one identity: filters (MQTT 5, section 4.7) in which every placeholder has been filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Topics it may publish to, wills and retained messages included.
    pub publish: Vec<String>,
    /// Topics it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may read what the broker says of itself (`$SYS/#`).
    pub monitor: bool,
}

impl Rights {
    /// Everything but `$SYS`: for clients of a trial on this computer.
    #[must_use]
    pub fn everything() -> Rights {
        Rights { publish: vec!["#".to_owned()], subscribe: vec!["#".to_owned()], monitor: false }
    }
}
