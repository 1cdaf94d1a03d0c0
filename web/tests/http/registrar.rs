//! A register of one device, `press`, that can say no in every way.

use plant::Timestamp;
use web::dto;

use crate::house::{NOW, Stubs};

impl web::Registrar for Stubs {
    fn list(&self) -> Result<dto::Devices, web::RegistrarError> {
        let role = dto::Role {
            name: "device".into(),
            about: "one machine".into(),
            publish: vec!["danxia/v1/{site}/{device}/#".into()],
            except: vec!["danxia/v1/{site}/{device}/alarm/#".into()],
            subscribe: vec![],
            monitor: false,
        };
        Ok(dto::Devices { devices: vec![device("press")], roles: vec![role] })
    }
    fn add(&self, new: dto::NewDevice) -> Result<dto::DeviceCredentials, web::RegistrarError> {
        match new.name.as_str() {
            "press" => Err(web::RegistrarError::Conflict("there is a device \"press\" already".into())),
            name if name.contains('/') => Err(web::RegistrarError::Invalid("leave out '/'".into())),
            "broken" => Err(web::RegistrarError::Failed("state.db could not be written".into())),
            name => Ok(dto::DeviceCredentials { device: device(name), password: Some("k7mf-92qd".into()) }),
        }
    }
    fn rotate(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, web::RegistrarError> {
        let made = password.is_none().then(|| "k7mf-92qd".to_owned());
        Ok(dto::DeviceCredentials { device: self.known(name)?, password: made })
    }
    fn enable(&self, name: &str, _: Option<&str>) -> Result<dto::DeviceCredentials, web::RegistrarError> {
        self.known(name)?;
        Err(web::RegistrarError::Conflict("it is not revoked".into()))
    }
    fn allow(&self, name: &str, own: dto::NewOwnPatterns) -> Result<dto::Device, web::RegistrarError> {
        let press = self.known(name)?;
        if let Some(bad) = own.publish.iter().flatten().find(|p| p.starts_with('#')) {
            let fault = dto::FieldFault { field: "publish".into(), code: "wildcard".into(), found: bad.clone() };
            return Err(web::RegistrarError::Field(fault, format!("{bad:?} begins with a wildcard")));
        }
        let now = dto::OwnPatterns {
            publish: own.publish.unwrap_or(press.own.publish),
            subscribe: own.subscribe.unwrap_or(press.own.subscribe),
        };
        Ok(dto::Device { own: now, ..device(name) })
    }
    fn revoke(&self, name: &str) -> Result<dto::Device, web::RegistrarError> {
        Ok(dto::Device { revoked: Some(dto::Time(Timestamp::from_secs(NOW))), ..self.known(name)? })
    }
    fn issue(&self, name: &str, days: Option<u32>) -> Result<dto::IssuedCertificate, web::RegistrarError> {
        self.known(name)?;
        Ok(dto::IssuedCertificate {
            device: name.into(),
            serial: format!("{:x}", days.unwrap_or(730)),
            expires: dto::Time(Timestamp::from_secs(NOW)),
            certificate: "crt".into(),
            key: "key".into(),
            authority: "ca".into(),
        })
    }
    fn revoke_certificate(&self, name: &str, serial: &str) -> Result<dto::Device, web::RegistrarError> {
        match serial {
            "4a" => self.known(name),
            _ => Err(web::RegistrarError::Unknown(format!("{name} has no certificate {serial}"))),
        }
    }
    fn checklist(&self, name: &str) -> Result<dto::Checklist, web::RegistrarError> {
        self.known(name)?;
        Ok(dto::Checklist { device: name.into(), now: dto::Time(Timestamp::from_secs(NOW)), steps: vec![] })
    }
    fn authority(&self) -> Result<String, web::RegistrarError> {
        Ok("-----BEGIN CERTIFICATE-----\n".into())
    }
}

impl Stubs {
    fn known(&self, name: &str) -> Result<dto::Device, web::RegistrarError> {
        let unknown = || web::RegistrarError::Unknown(format!("there is no device {name:?}"));
        if ["press", "三号/x"].contains(&name) { Ok(device(name)) } else { Err(unknown()) }
    }
}

fn device(name: &str) -> dto::Device {
    dto::Device {
        name: name.into(),
        role: "device".into(),
        site: "s".into(),
        group: None,
        note: String::new(),
        created: dto::Time(Timestamp::from_secs(NOW)),
        revoked: None,
        password: true,
        certificates: vec![],
        publish: vec![format!("danxia/v1/s/{name}/#")],
        except: vec![format!("danxia/v1/s/{name}/alarm/#")],
        subscribe: vec![],
        monitor: false,
        own: dto::OwnPatterns { publish: vec![], subscribe: vec!["plant/#".into()] },
        connected: Some(false),
        last_seen: None,
    }
}
