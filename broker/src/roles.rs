//! Roles: templates of rights, and the ones that come with the door.
//!
//! A template is a pattern with the placeholders `{device}`, `{site}` and `{group}`; whoever keeps the devices says what
//! they are for one of them ([`Role::fill`]). A name cannot bring in a level or a wildcard. A placeholder with a
//! question mark (`{group?}`) may have nothing to be filled in with: its pattern is then left out.

use crate::rights::{Rights, RightsError};

/// The longest name that is filled in, in bytes.
const LONGEST: usize = 128;

/// A template of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// What it is called in settings and commands.
    pub name: &'static str,
    /// For whom it is.
    pub about: &'static str,
    /// Templates of what it may publish to.
    pub publish: &'static [&'static str],
    /// Templates of what it may not publish to all the same.
    pub except: &'static [&'static str],
    /// Templates of what it may subscribe to.
    pub subscribe: &'static [&'static str],
    /// Whether it may read `$SYS/#`.
    pub monitor: bool,
}

/// What the placeholders of a role stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places<'a> {
    /// `{device}`: the machine, or the edge node of Sparkplug.
    pub device: Option<&'a str>,
    /// `{site}`.
    pub site: Option<&'a str>,
    /// `{group}`: the group of Sparkplug.
    pub group: Option<&'a str>,
}

/// The roles that come with the door. What the platform computes (`indicator`, `alarm`) is its own to publish: whoever
/// reads it there is to be able to rely on whom it is from.
pub const ROLES: &[Role] = &[
    Role {
        name: "device",
        about: "one machine: publishes under its own name, hears its own commands",
        publish: &["danxia/v1/{site}/{device}/#"],
        except: &["danxia/v1/{site}/{device}/indicator/#", "danxia/v1/{site}/{device}/alarm/#"],
        subscribe: &["danxia/v1/{site}/{device}/command/#"],
        monitor: false,
    },
    Role {
        name: "sparkplug-node",
        about: "one edge node of Sparkplug B with its devices",
        publish: &[
            "spBv1.0/{group}/NBIRTH/{device}",
            "spBv1.0/{group}/NDEATH/{device}",
            "spBv1.0/{group}/NDATA/{device}",
            "spBv1.0/{group}/DBIRTH/{device}/#",
            "spBv1.0/{group}/DDEATH/{device}/#",
            "spBv1.0/{group}/DDATA/{device}/#",
        ],
        except: &[],
        subscribe: &["spBv1.0/{group}/NCMD/{device}/#", "spBv1.0/{group}/DCMD/{device}/#", "spBv1.0/STATE/+"],
        monitor: false,
    },
    Role {
        name: "gateway",
        about: "a gateway that speaks for every machine of its site",
        publish: &["danxia/v1/{site}/#"],
        except: &["danxia/v1/{site}/+/indicator/#", "danxia/v1/{site}/+/alarm/#"],
        subscribe: &["danxia/v1/{site}/+/command/#"],
        monitor: false,
    },
    Role {
        name: "reader",
        about: "SCADA or Node-RED: reads what a site and its Sparkplug group say, publishes nothing",
        publish: &[],
        except: &[],
        subscribe: &[
            "danxia/v1/{site}/+/telemetry/#",
            "danxia/v1/{site}/+/event/#",
            "danxia/v1/{site}/+/indicator/#",
            "danxia/v1/{site}/+/alarm/#",
            "spBv1.0/{group?}/#",
        ],
        monitor: false,
    },
    Role {
        name: "monitor",
        about: "reads what the broker says of itself ($SYS/#), and nothing else",
        publish: &[],
        except: &[],
        subscribe: &[],
        monitor: true,
    },
];

impl Role {
    /// The role of this name that comes with the door.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Role> {
        ROLES.iter().find(|role| role.name == name)
    }

    /// The rights of this role for one device, user or gateway.
    pub fn fill(&self, places: &Places<'_>) -> Result<Rights, RightsError> {
        let all = |templates: &[&str]| -> Result<Vec<String>, RightsError> {
            templates.iter().filter_map(|template| fill(template, places).transpose()).collect()
        };
        let (publish, except, subscribe) = (all(self.publish)?, all(self.except)?, all(self.subscribe)?);
        let rights = Rights { publish, except, subscribe, monitor: self.monitor };
        rights.check()?;
        Ok(rights)
    }
}

impl Rights {
    /// The rights of templates of your own, such as those of a device with more than its role.
    pub fn from_templates<S: AsRef<str>>(
        publish: &[S],
        except: &[S],
        subscribe: &[S],
        places: &Places<'_>,
    ) -> Result<Rights, RightsError> {
        let all = |templates: &[S]| -> Result<Vec<String>, RightsError> {
            templates.iter().filter_map(|template| fill(template.as_ref(), places).transpose()).collect()
        };
        let (publish, except, subscribe) = (all(publish)?, all(except)?, all(subscribe)?);
        let rights = Rights { publish, except, subscribe, monitor: false };
        rights.check()?;
        Ok(rights)
    }
}

/// One template, filled in; `None` when it is left out.
fn fill(template: &str, places: &Places<'_>) -> Result<Option<String>, RightsError> {
    let wrong = |found: &str| RightsError::Placeholder { template: template.to_owned(), found: found.to_owned() };
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, after) = after.split_once('}').ok_or_else(|| wrong(after))?;
        let (key, optional) = inside.strip_suffix('?').map_or((inside, false), |key| (key, true));
        let (placeholder, value) = match key {
            "device" => ("device", places.device),
            "site" => ("site", places.site),
            "group" => ("group", places.group),
            _ => return Err(wrong(inside)),
        };
        let value = match value {
            Some(value) => value,
            None if optional => return Ok(None),
            None => return Err(RightsError::Missing { template: template.to_owned(), placeholder }),
        };
        check_name(placeholder, value)?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    if rest.contains('}') {
        return Err(wrong(rest));
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

fn check_name(placeholder: &'static str, name: &str) -> Result<(), RightsError> {
    let plain = |c: char| !matches!(c, '/' | '+' | '#') && !c.is_control();
    if name.is_empty() || name.len() > LONGEST || name.starts_with('$') || !name.chars().all(plain) {
        return Err(RightsError::Name { placeholder, found: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places<'static> = Places { device: Some("三号风机"), site: Some("s1"), group: Some("G") };

    #[test]
    fn a_role_is_filled_in() {
        let rights = Role::named("device").unwrap().fill(&PLACES).unwrap();
        assert_eq!(rights.publish, ["danxia/v1/s1/三号风机/#"]);
        assert_eq!(rights.subscribe, ["danxia/v1/s1/三号风机/command/#"]);
        assert_eq!(rights.except, ["danxia/v1/s1/三号风机/indicator/#", "danxia/v1/s1/三号风机/alarm/#"]);
        for role in ROLES {
            let rights = role.fill(&PLACES).unwrap();
            assert_eq!(rights.monitor, role.name == "monitor");
            assert_eq!(
                role.name != "monitor",
                rights.may_subscribe("danxia/v1/s1/三号风机/command/stop")
                    || rights.may_subscribe("spBv1.0/G/DCMD/三号风机/x"),
                "{}",
                role.name
            );
        }
        assert!(Role::named("admin").is_none());
    }

    #[test]
    fn a_reader_without_a_group_reads_its_site() {
        let reader = Role::named("reader").unwrap();
        let rights = reader.fill(&Places { site: Some("s1"), ..Places::default() }).unwrap();
        assert_eq!(rights.subscribe.len(), 4);
        assert!(rights.may_subscribe("danxia/v1/s1/+/alarm") && !rights.may_subscribe("spBv1.0/G/#"));
        let error = reader.fill(&Places::default()).unwrap_err().to_string();
        assert!(error.contains("needs a site"), "{error}");
    }

    #[test]
    fn a_name_brings_in_neither_levels_nor_wildcards() {
        for name in ["a/b", "+", "#", "a#", "a+b", "", "a\0", "a\n", "$SYS", "/", &"x".repeat(129)] {
            for role in ["device", "sparkplug-node"] {
                let places = Places { device: Some(name), ..PLACES };
                let error = Role::named(role).unwrap().fill(&places).unwrap_err();
                assert_eq!(error, RightsError::Name { placeholder: "device", found: name.to_owned() });
            }
        }
        let literal =
            Rights::from_templates(&["x/{device}"], &["y/{device}"], &[], &Places { device: Some("{site}"), ..PLACES })
                .unwrap();
        assert_eq!(
            (&*literal.publish[0], &*literal.except[0]),
            ("x/{site}", "y/{site}"),
            "what is filled in is not looked at again"
        );
    }

    #[test]
    fn templates_that_are_none_are_named() {
        let check = |template: &str, expect: &str| {
            let error = Rights::from_templates(&[template], &[], &[], &PLACES).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("a/{machine}", "\"machine\"");
        check("a/{device", "\"device\"");
        check("a/device}", "device}");
        check("{site}/#/x", "is no topic filter");
        check("$SYS/{site}", "monitor = true");
    }
}
