//! Which column is what, found out once from the header.

use std::collections::HashMap;

use plant::{IdError, PointId, Unit};

use super::layout::{Encoding, Layout, LayoutError, Mapped, Role, Wide};
use super::{MAX_COLUMNS, MAX_POINTS};

/// Whose a value is.
pub(super) enum Where {
    /// Of this point, in every row.
    Known(usize),
    /// Of the point that the row names.
    Cells,
}

/// A column of values.
pub(super) struct Values {
    pub column: usize,
    pub point: Where,
    /// The point's name, where the header or the layout says it and the row says its machine.
    pub name: Option<String>,
    pub unit: Option<Unit>,
}

/// What each column is.
pub(super) struct Columns {
    pub names: Vec<String>,
    pub time: (usize, Role),
    pub site: Option<usize>,
    pub machine: Option<usize>,
    pub point: Option<usize>,
    pub quality: Option<usize>,
    pub unit: Option<usize>,
    /// Of an export of ours: what is computed is no history.
    pub indicator: Option<usize>,
    pub values: Vec<Values>,
    pub wide: bool,
}

const TIMES: [Role; 5] = [Role::TimeNs, Role::TimeUs, Role::TimeMs, Role::TimeS, Role::Time];

/// Finds the columns, and the points that are known from the header alone.
pub(super) fn resolve(layout: &Layout, names: Vec<String>) -> Result<(Columns, Vec<PointId>), LayoutError> {
    if let (Encoding::Gbk, Some(d)) = (layout.encoding, layout.delimiter.filter(|d| *d >= 0x30 && *d != b';')) {
        return Err(LayoutError::Delimiter(d));
    }
    if names.len() > MAX_COLUMNS {
        return Err(LayoutError::TooMany);
    }
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        if !name.is_empty() && places.insert(name, i).is_some() {
            return Err(LayoutError::Twice(name.clone()));
        }
    }
    let missing = |expected: String| LayoutError::Missing { expected, found: names.clone() };
    let mut roles: HashMap<Role, usize> = HashMap::new();
    for role in Role::ALL {
        let said = layout.columns.iter().find(|(r, _)| *r == role);
        let place = match said {
            Some((_, header)) => Some(
                *places
                    .get(header.as_str())
                    .ok_or_else(|| missing(format!("a column {header:?} for {}", role.name())))?,
            ),
            None => names.iter().position(|n| n.eq_ignore_ascii_case(role.name())),
        };
        roles.extend(place.map(|i| (role, i)));
    }
    let of = |role: Role| roles.get(&role).copied();
    let time = TIMES.into_iter().find_map(|r| of(r).map(|i| (i, r)));
    let time = time.ok_or_else(|| missing("a column time_ns, time_us, time_ms, time_s or time".into()))?;
    let taken: Vec<usize> = roles.values().copied().collect();
    let indicator = names.iter().position(|n| n == "indicator").filter(|_| of(Role::Value).is_some());
    let mut columns = Columns {
        time,
        site: of(Role::Site),
        machine: of(Role::Machine),
        point: of(Role::Point),
        quality: of(Role::Quality),
        unit: of(Role::Unit),
        indicator,
        values: Vec::new(),
        wide: layout.wide != Wide::No,
        names: names.clone(),
    };
    if columns.site.is_some() && columns.machine.is_none() {
        return Err(missing("a column machine beside the column site".into()));
    }
    let mapped = match &layout.wide {
        Wide::No => return long(layout, columns, of(Role::Value), missing),
        Wide::These(these) => these.clone(),
        Wide::All => {
            let free = names.iter().enumerate().filter(|(i, n)| !taken.contains(i) && !n.is_empty());
            free.map(|(_, n)| Mapped { column: n.clone(), point: n.clone(), unit: None }).collect()
        }
    };
    if mapped.is_empty() {
        return Err(missing("at least one column of values".into()));
    }
    let mut points: Vec<PointId> = Vec::new();
    for Mapped { column, point, unit } in &mapped {
        let place = *places.get(column.as_str()).ok_or_else(|| missing(format!("a column {column:?}")))?;
        let at = match fixed(layout, &columns, point) {
            Some(Ok(id)) if points.contains(&id) => {
                let first = mapped[points.iter().position(|p| *p == id).unwrap_or(0)].column.clone();
                return Err(LayoutError::SamePoint { first, second: column.clone(), point: id.to_string() });
            }
            Some(Ok(id)) => {
                points.push(id);
                Where::Known(points.len() - 1)
            }
            Some(Err(error)) => return Err(LayoutError::Name { column: column.clone(), error }),
            None => Where::Cells,
        };
        columns.values.push(Values { column: place, point: at, name: Some(point.clone()), unit: *unit });
    }
    if points.len() > MAX_POINTS {
        return Err(LayoutError::TooMany);
    }
    Ok((columns, points))
}

/// The point that is called `name` in every row; `None` where rows say the machine.
fn fixed(layout: &Layout, columns: &Columns, name: &str) -> Option<Result<PointId, IdError>> {
    match (columns.machine, &layout.machine) {
        (Some(_), _) => None,
        (None, Some(machine)) => Some(machine.point(name)),
        (None, None) => Some(name.parse()),
    }
}

fn long(
    layout: &Layout,
    mut columns: Columns,
    value: Option<usize>,
    missing: impl Fn(String) -> LayoutError,
) -> Result<(Columns, Vec<PointId>), LayoutError> {
    let column = value.ok_or_else(|| missing("a column value, or that the table is wide".into()))?;
    let mut points = Vec::new();
    let point = match (columns.point, &layout.point) {
        (Some(_), _) => Where::Cells,
        (None, Some(name)) => match fixed(layout, &columns, name) {
            Some(Ok(id)) => {
                points.push(id);
                Where::Known(0)
            }
            Some(Err(error)) => return Err(LayoutError::Name { column: name.clone(), error }),
            None => Where::Cells,
        },
        (None, None) => return Err(missing("a column point, or that one point is given for all rows".into())),
    };
    columns.values.push(Values { column, point, name: None, unit: None });
    Ok((columns, points))
}
