//! Codes of what is measured, with the units in which the standard has them sent.
//!
//! Codes: HJ 524-2009 (air) and HJ 525-2009 (water), as listed in HJ 212-2017, annex B. The units of COD,
//! TOC, NH3-N, TP, TN, flow, pH, dust, SO2 and NOx were compared with a public listing; the others here have yet to be. Every
//! other code keeps its name and has no unit. Amounts (`Cou`) of a substance are in kg, those of
//! water and gas in m³.

use plant::Unit;

/// Code, unit of values, unit of amounts.
type Row = (&'static str, &'static str, &'static str);

static FACTORS: &[Row] = &[
    // Water.
    ("w00000", "L/s", "m³"),  // 污水 flow
    ("w01001", "pH", ""),     // pH 值
    ("w01003", "NTU", ""),    // 浑浊度 turbidity
    ("w01009", "mg/L", ""),   // 溶解氧 dissolved oxygen
    ("w01010", "°C", ""),     // 水温 water temperature
    ("w01018", "mg/L", "kg"), // 化学需氧量 COD
    ("w01019", "mg/L", "kg"), // 高锰酸盐指数 permanganate index
    ("w01020", "mg/L", "kg"), // 总有机碳 total organic carbon
    ("w21001", "mg/L", "kg"), // 总氮 total nitrogen
    ("w21003", "mg/L", "kg"), // 氨氮 ammonia nitrogen
    ("w21011", "mg/L", "kg"), // 总磷 total phosphorus
    // Flue gas.
    ("a01011", "m/s", ""),     // 烟气流速 velocity
    ("a01012", "°C", ""),      // 烟气温度 temperature
    ("a01014", "%", ""),       // 烟气湿度 moisture
    ("a19001", "%", ""),       // 氧气含量 oxygen
    ("a21002", "mg/m³", "kg"), // 氮氧化物 nitrogen oxides
    ("a21026", "mg/m³", "kg"), // 二氧化硫 sulphur dioxide
    ("a34013", "mg/m³", "kg"), // 烟尘 dust
];

/// The unit of `field` (`Rtd`, `Avg`, `Cou`, …) of `code`, where the standard fixes it.
pub(super) fn unit(code: &str, field: &str) -> Option<Unit> {
    let (_, value, amount) = FACTORS.iter().find(|(known, ..)| *known == code)?;
    match field {
        "Rtd" | "Avg" | "Min" | "Max" | "ZsRtd" | "ZsAvg" | "ZsMin" | "ZsMax" => Unit::parse(value),
        "Cou" => Unit::parse(amount),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_the_table_is_one() {
        for (code, value, amount) in FACTORS {
            assert!(unit(code, "Rtd").is_some(), "{code}: {value}");
            assert_eq!(unit(code, "Cou").is_some(), !amount.is_empty(), "{code}: {amount}");
            assert_eq!(unit(code, "Flag"), None);
        }
        assert_eq!(unit("w99999", "Rtd"), None);
    }
}
