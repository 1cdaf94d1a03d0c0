//! File descriptors: every connection takes one, and a process gets few of them unless it asks for more.
//!
//! It does not know who opens what; it compares how many may be open with how many the settings may come to need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store, the page, the listeners and the log have open beside the clients of the door.
const OWN: u64 = 200;

/// Asks for as many as the system lets this process have, and says in the log where they are too few.
pub fn prepare(max_connections: usize) {
    match enough(max_connections, raise()) {
        Ok(text) => tracing::debug!("{text}"),
        Err(text) => tracing::warn!("{text}"),
    }
}

/// Raises the soft limit to the hard one. How many may be open; `None` is any number.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // The limit that was there still holds.
        Err(_) => current,
    }
}

/// Whether so many connections can be open at once where `allowed` files may be; what to do where not.
pub fn enough(max_connections: usize, allowed: Option<u64>) -> Result<String, String> {
    let needed = u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(OWN);
    match allowed {
        None => Ok("any number of files may be open".into()),
        Some(allowed) if allowed >= needed => {
            Ok(format!("{allowed} files may be open; mqtt.max_connections = {max_connections} needs {needed}"))
        }
        Some(allowed) => {
            let lower = match allowed.saturating_sub(OWN) {
                0 => String::new(),
                fits => format!(", or set mqtt.max_connections to at most {fits}"),
            };
            Err(format!(
                "{allowed} files may be open, and mqtt.max_connections = {max_connections} needs {needed}; clients beyond \
                 will not get in: raise the hard limit (LimitNOFILE={needed} in danxia.service, `ulimit -Hn` in a \
                 shell){lower}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_are_said_with_what_to_change() {
        assert!(enough(20_000, None).is_ok());
        assert!(enough(20_000, Some(20_200)).is_ok());
        let said = enough(20_000, Some(20_199)).unwrap_err();
        assert!(said.contains("LimitNOFILE=20200") && said.contains("mqtt.max_connections to at most 19999"), "{said}");
        let said = enough(1, Some(100)).unwrap_err();
        assert!(said.contains("needs 201") && !said.contains("at most"), "{said}");
        assert!(enough(usize::MAX, Some(1_024)).is_err());
    }

    #[test]
    fn all_that_may_be_had_is_asked_for() {
        let allowed = raise();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!((current, allowed), (maximum, maximum));
    }
}
