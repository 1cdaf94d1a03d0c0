//! The figures that a period is held against.

use super::Performance;

/// A key performance indicator of an alarm system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KpiCode {
    /// Annunciations in 24 hours for each operator, mean: at most 144, which is one in ten minutes (EEMUA 191).
    PerOperatorDay,
    /// The same of the worst day: at most 144.
    WorstDay,
    /// The most in any ten minutes: at most 10 (ISA-18.2).
    MostInTenMinutes,
    /// The part of the time that was flood: below 1 % (ISA-18.2).
    FloodTime,
    /// The part that the ten most frequent are: at most 5 % (ISA-18.2).
    TopTen,
    /// Alarms that chattered: none (ISA-18.2).
    Chattering,
    /// Alarms that were fleeting: none (ISA-18.2).
    Fleeting,
    /// The most stale alarms of a day: fewer than 5 (ISA-18.2).
    StaleInDay,
    /// The part of high priority: about 5 %, so at most that (ISA-18.2, EEMUA 191).
    HighPriority,
    /// The part of high and medium priority together: about 20 %, so at most that (ISA-18.2, EEMUA 191).
    HighAndMediumPriority,
    /// The median time to acknowledge, s; no figure is stated for it.
    AcknowledgeMedian,
    /// The part that nobody acknowledged; no figure is stated for it.
    NeverAcknowledged,
}

impl KpiCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::PerOperatorDay,
        Self::WorstDay,
        Self::MostInTenMinutes,
        Self::FloodTime,
        Self::TopTen,
        Self::Chattering,
        Self::Fleeting,
        Self::StaleInDay,
        Self::HighPriority,
        Self::HighAndMediumPriority,
        Self::AcknowledgeMedian,
        Self::NeverAcknowledged,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerOperatorDay => "per_operator_day",
            Self::WorstDay => "worst_day",
            Self::MostInTenMinutes => "most_in_ten_minutes",
            Self::FloodTime => "flood_time",
            Self::TopTen => "top_ten",
            Self::Chattering => "chattering",
            Self::Fleeting => "fleeting",
            Self::StaleInDay => "stale_in_day",
            Self::HighPriority => "high_priority",
            Self::HighAndMediumPriority => "high_and_medium_priority",
            Self::AcknowledgeMedian => "acknowledge_median",
            Self::NeverAcknowledged => "never_acknowledged",
        }
    }

    /// What the value may not exceed, where a figure is stated.
    #[must_use]
    pub const fn target(self) -> Option<f64> {
        match self {
            Self::PerOperatorDay | Self::WorstDay => Some(144.0),
            Self::MostInTenMinutes => Some(10.0),
            Self::FloodTime => Some(0.01),
            Self::TopTen | Self::HighPriority => Some(0.05),
            Self::Chattering | Self::Fleeting => Some(0.0),
            Self::StaleInDay => Some(4.0),
            Self::HighAndMediumPriority => Some(0.2),
            Self::AcknowledgeMedian | Self::NeverAcknowledged => None,
        }
    }
}

/// One indicator with its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kpi {
    /// Which.
    pub code: KpiCode,
    /// Its value; `None` where there is nothing that it could be computed from.
    pub value: Option<f64>,
}

impl Kpi {
    /// Whether the figure is kept; `None` where there is no value, or none is stated.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        Some(self.value? <= self.code.target()?)
    }
}

impl Performance {
    /// The indicators, for so many operators at a time (at least one) who share the alarms between them.
    #[must_use]
    pub fn kpis(&self, operators: u32) -> Vec<Kpi> {
        let operators = f64::from(operators.max(1));
        let all = self.annunciations as f64;
        let part = |n: u64| (self.annunciations > 0).then(|| n as f64 / all);
        let [high, medium, _] = self.priorities.classes();
        let value = |code| match code {
            KpiCode::PerOperatorDay => Some(self.rate.mean_day() / operators),
            KpiCode::WorstDay => self.rate.worst_day().map(|d| d.annunciations as f64 / operators),
            KpiCode::MostInTenMinutes => Some(f64::from(self.rate.most_in_ten_minutes)),
            KpiCode::FloodTime => Some(self.rate.flood_share),
            KpiCode::TopTen => self.top_share(),
            KpiCode::Chattering => Some(self.chattering_alarms as f64),
            KpiCode::Fleeting => Some(self.fleeting_alarms as f64),
            KpiCode::StaleInDay => Some(self.stale_most_in_day as f64),
            KpiCode::HighPriority => part(high),
            KpiCode::HighAndMediumPriority => part(high + medium),
            KpiCode::AcknowledgeMedian => self.acknowledgement.median.map(|d| d.as_secs_f64()),
            KpiCode::NeverAcknowledged => part(self.acknowledgement.never()),
        };
        KpiCode::ALL.into_iter().map(|code| Kpi { code, value: value(code) }).collect()
    }
}
