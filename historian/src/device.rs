//! Devices: who may connect to the MQTT door. Written directly, not projected from the log: a password's hash does not
//! belong into a journal that others read, and a revocation must not wait in a queue behind values.

use std::fmt;
use std::path::Path;

use plant::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::db::{File, Sync, has_table, open_writer};
use crate::{OpenError, ReadError, RegisterError};

/// The most devices of a register; who wants more is refused.
pub(crate) const MAX_DEVICES: usize = 20_000;
/// The most certificates of a device that are remembered. Where there are more, the oldest that has expired is forgotten;
/// one that was revoked is not, as long as it would be good without that.
pub(crate) const MAX_CERTIFICATES: usize = 100;

/// A device that may connect to the MQTT door. What its role allows is for others to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Device {
    /// The user name that it gives in CONNECT, or the common name of its certificate.
    pub name: String,
    /// The name of its role.
    pub role: String,
    /// The site it belongs to; empty where it has none.
    pub site: String,
    /// The group within the site; empty where it has none.
    pub group: String,
    /// What people noted.
    pub note: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it was shut out, if it is.
    pub revoked: Option<Timestamp>,
    /// The password's hash as text (PHC form), if it has one; the store neither makes nor checks it.
    pub hash: Option<String>,
    /// Its certificates, the oldest first, revoked and expired ones among them.
    pub certificates: Vec<DeviceCertificate>,
    /// What it may do beside its role.
    pub own: OwnPatterns,
}

/// What one device may publish and subscribe to beside its role: templates, in the order in which they were given. What
/// they mean, and whether they may be, is for others to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnPatterns {
    /// To publish.
    pub publish: Vec<String>,
    /// To subscribe.
    pub subscribe: Vec<String>,
}

impl OwnPatterns {
    /// The most of either kind.
    pub const MOST: usize = 32;

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.publish.is_empty() && self.subscribe.is_empty()
    }

    /// The lists as they are stored: by `way`.
    fn ways(&self) -> [&Vec<String>; 2] {
        [&self.publish, &self.subscribe]
    }

    fn put(&mut self, way: i64, template: String) {
        if way == 0 { &mut self.publish } else { &mut self.subscribe }.push(template);
    }
}

/// A certificate that was issued to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// Serial number, lower-case hexadecimal without leading zeros.
    pub serial: String,
    /// SHA-256 of its DER form, lower-case hexadecimal.
    pub fingerprint: String,
    /// From when on it is valid.
    pub issued: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

impl DeviceCertificate {
    /// Whether it lets its device in at `now`.
    #[must_use]
    pub fn valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.issued <= now && now < self.expires
    }
}

/// A hash is not for logs.
impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Device");
        out.field("name", &self.name).field("role", &self.role).field("site", &self.site).field("group", &self.group);
        out.field("revoked", &self.revoked).field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

/// The writer's side, through a connection of its own: changes are on disk before they are answered for.
#[derive(Debug)]
pub(crate) struct Devices(Connection);

impl Devices {
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        open_writer(dir, File::State, Sync::Full).map(Self)
    }

    pub fn add(&mut self, d: &Device) -> Result<(), RegisterError> {
        let tx = self.begin()?;
        if tx.prepare_cached("SELECT 1 FROM device WHERE name = ?")?.exists([&d.name])? {
            return Err(RegisterError::Exists(d.name.clone()));
        }
        let n: i64 = tx.query_row("SELECT count(*) FROM device", [], |r| r.get(0))?;
        if n >= MAX_DEVICES as i64 {
            return Err(RegisterError::Full { what: "devices", max: MAX_DEVICES });
        }
        tx.prepare_cached("INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
            d.name,
            d.role,
            d.site,
            d.group,
            d.note,
            d.created.nanos(),
            d.revoked.map(Timestamp::nanos),
            d.hash
        ])?;
        put_own(&tx, &d.name, &d.own)?;
        Ok(tx.commit()?)
    }

    /// Puts these patterns in the place of those that a device has of its own; says whether there is one.
    pub fn set_own(&mut self, name: &str, own: &OwnPatterns) -> Result<bool, RegisterError> {
        let tx = self.begin()?;
        if !tx.prepare_cached("SELECT 1 FROM device WHERE name = ?")?.exists([name])? {
            return Ok(false);
        }
        put_own(&tx, name, own)?;
        tx.commit()?;
        Ok(true)
    }

    pub fn set_password(&mut self, name: &str, hash: &str) -> Result<bool, RegisterError> {
        let mut put = self.0.prepare_cached("UPDATE device SET hash = ?2, revoked = NULL WHERE name = ?1")?;
        Ok(put.execute([name, hash])? > 0)
    }

    /// Shuts a device out, and its certificates with it. A second time changes nothing.
    pub fn revoke(&mut self, name: &str, now: Timestamp) -> Result<bool, RegisterError> {
        let tx = self.begin()?;
        let known = tx
            .prepare_cached("UPDATE device SET revoked = ifnull(revoked, ?2) WHERE name = ?1")?
            .execute(params![name, now.nanos()])?;
        tx.prepare_cached("UPDATE certificate SET revoked = ifnull(revoked, ?2) WHERE device = ?1")?
            .execute(params![name, now.nanos()])?;
        tx.commit()?;
        Ok(known > 0)
    }

    pub fn add_certificate(
        &mut self,
        name: &str,
        c: &DeviceCertificate,
        now: Timestamp,
    ) -> Result<bool, RegisterError> {
        let tx = self.begin()?;
        if !tx.prepare_cached("SELECT 1 FROM device WHERE name = ?")?.exists([name])? {
            return Ok(false);
        }
        let n: i64 =
            tx.prepare_cached("SELECT count(*) FROM certificate WHERE device = ?")?.query_row([name], |r| r.get(0))?;
        if n >= MAX_CERTIFICATES as i64 {
            let forgotten = tx
                .prepare_cached(
                    "DELETE FROM certificate WHERE fingerprint = (SELECT fingerprint FROM certificate WHERE device = ?1
                     AND expires <= ?2 ORDER BY issued LIMIT 1)",
                )?
                .execute(params![name, now.nanos()])?;
            if forgotten == 0 {
                return Err(RegisterError::Full { what: "certificates of this device", max: MAX_CERTIFICATES });
            }
        }
        tx.prepare_cached("INSERT INTO certificate VALUES (?, ?, ?, ?, ?, ?)")?.execute(params![
            c.fingerprint,
            name,
            c.serial,
            c.issued.nanos(),
            c.expires.nanos(),
            c.revoked.map(Timestamp::nanos)
        ])?;
        tx.commit()?;
        Ok(true)
    }

    pub fn revoke_certificate(&mut self, name: &str, serial: &str, now: Timestamp) -> Result<bool, RegisterError> {
        let sql = "UPDATE certificate SET revoked = ifnull(revoked, ?3) WHERE device = ?1 AND serial = ?2";
        Ok(self.0.prepare_cached(sql)?.execute(params![name, serial, now.nanos()])? > 0)
    }

    pub fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.0.transaction_with_behavior(TransactionBehavior::Immediate)
    }
}

fn put_own(tx: &Transaction<'_>, name: &str, own: &OwnPatterns) -> Result<(), RegisterError> {
    tx.prepare_cached("DELETE FROM own WHERE device = ?")?.execute([name])?;
    for (way, templates) in own.ways().into_iter().enumerate() {
        if templates.len() > OwnPatterns::MOST {
            return Err(RegisterError::Full { what: "patterns of this device", max: OwnPatterns::MOST });
        }
        for (n, template) in templates.iter().enumerate() {
            let mut put = tx.prepare_cached("INSERT INTO own VALUES (?, ?, ?, ?)")?;
            put.execute(params![name, way as i64, n as i64, template])?;
        }
    }
    Ok(())
}

const DEVICES: &str = "SELECT name, role, site, subgroup, note, created, revoked, hash FROM device";
/// As they will be once the store is opened for writing.
const USERS: &str = "SELECT name, 'unrestricted', '', '', 'was a user', 0, NULL, hash FROM user";

fn device(r: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        name: r.get(0)?,
        role: r.get(1)?,
        site: r.get(2)?,
        group: r.get(3)?,
        note: r.get(4)?,
        created: Timestamp::from_nanos(r.get(5)?),
        revoked: r.get::<_, Option<i64>>(6)?.map(Timestamp::from_nanos),
        hash: r.get(7)?,
        certificates: Vec::new(),
        own: OwnPatterns::default(),
    })
}

/// With the name of the device first.
fn certificate(r: &Row<'_>) -> rusqlite::Result<(String, DeviceCertificate)> {
    let certificate = DeviceCertificate {
        serial: r.get(1)?,
        fingerprint: r.get(2)?,
        issued: Timestamp::from_nanos(r.get(3)?),
        expires: Timestamp::from_nanos(r.get(4)?),
        revoked: r.get::<_, Option<i64>>(5)?.map(Timestamp::from_nanos),
    };
    Ok((r.get(0)?, certificate))
}

/// Every device, by name.
pub(crate) fn load_all(conn: &Connection) -> Result<Vec<Device>, ReadError> {
    let said = File::State.said();
    let old = !has_table(conn, "device").map_err(&said)?;
    let mut query = conn.prepare(&format!("{} ORDER BY name", if old { USERS } else { DEVICES })).map_err(&said)?;
    let devices: Result<Vec<_>, _> = query.query_map([], device).map_err(&said)?.collect();
    let mut devices = devices.map_err(&said)?;
    if old {
        return Ok(devices);
    }
    let sql = "SELECT device, serial, fingerprint, issued, expires, revoked FROM certificate ORDER BY device, issued";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    for row in query.query_map([], certificate).map_err(&said)? {
        let (name, certificate) = row.map_err(&said)?;
        if let Ok(i) = devices.binary_search_by(|d| d.name.as_str().cmp(&name)) {
            devices[i].certificates.push(certificate);
        }
    }
    if !has_table(conn, "own").map_err(&said)? {
        return Ok(devices);
    }
    let mut query =
        conn.prepare_cached("SELECT device, way, template FROM own ORDER BY device, way, n").map_err(&said)?;
    let owned = |r: &Row<'_>| Ok((r.get::<_, String>(0)?, r.get(1)?, r.get(2)?));
    for row in query.query_map([], owned).map_err(&said)? {
        let (name, way, template) = row.map_err(&said)?;
        if let Ok(i) = devices.binary_search_by(|d| d.name.as_str().cmp(&name)) {
            devices[i].own.put(way, template);
        }
    }
    Ok(devices)
}

/// The device called `name`.
pub(crate) fn load_one(conn: &Connection, name: &str) -> Result<Option<Device>, ReadError> {
    let said = File::State.said();
    let old = !has_table(conn, "device").map_err(&said)?;
    let mut query =
        conn.prepare_cached(&format!("{} WHERE name = ?", if old { USERS } else { DEVICES })).map_err(&said)?;
    let Some(mut found) = query.query_row([name], device).optional().map_err(&said)? else { return Ok(None) };
    if old {
        return Ok(Some(found));
    }
    let sql = "SELECT device, serial, fingerprint, issued, expires, revoked FROM certificate WHERE device = ?
               ORDER BY issued";
    let mut query = conn.prepare_cached(sql).map_err(&said)?;
    for row in query.query_map([name], certificate).map_err(&said)? {
        found.certificates.push(row.map_err(&said)?.1);
    }
    if has_table(conn, "own").map_err(&said)? {
        let mut query =
            conn.prepare_cached("SELECT way, template FROM own WHERE device = ? ORDER BY way, n").map_err(&said)?;
        for row in query.query_map([name], |r| Ok((r.get(0)?, r.get(1)?))).map_err(&said)? {
            let (way, template) = row.map_err(&said)?;
            found.own.put(way, template);
        }
    }
    Ok(Some(found))
}

/// The device to which the certificate with this fingerprint was issued.
pub(crate) fn load_by_fingerprint(conn: &Connection, fingerprint: &str) -> Result<Option<Device>, ReadError> {
    let said = File::State.said();
    if !has_table(conn, "certificate").map_err(&said)? {
        return Ok(None);
    }
    let mut query = conn.prepare_cached("SELECT device FROM certificate WHERE fingerprint = ?").map_err(&said)?;
    let name: Option<String> = query.query_row([fingerprint], |r| r.get(0)).optional().map_err(&said)?;
    name.map_or(Ok(None), |name| load_one(conn, &name))
}
