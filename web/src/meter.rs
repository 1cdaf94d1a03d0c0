//! The web door's own numbers, and the text form in which all numbers are asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use warp::http::StatusCode;

use crate::seams::{Metric, MetricKind};

/// Media type of [`write`] (Prometheus text exposition format, version 0.0.4).
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the histogram of response times, s.
const BOUNDS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.3, 1.0, 3.0, 10.0];

/// Counts what the web door does. Labels are bounded: routes are those of the table, statuses are classes.
#[derive(Default)]
pub(crate) struct Meter {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    times: [AtomicU64; BOUNDS.len() + 1],
    time_sum_us: AtomicU64,
    pub(crate) connections: Gauge,
    pub(crate) streams: Gauge,
    pub(crate) resnapshots: AtomicU64,
    pub(crate) refused_streams: AtomicU64,
}

/// A number that goes up and down.
#[derive(Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    pub(crate) fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(crate) fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

impl Meter {
    /// One request, answered with `status` after `took` (for a stream: until its head was sent).
    pub(crate) fn answered(&self, route: &'static str, status: StatusCode, took: Duration) {
        let class = status.as_u16() / 100;
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((route, class)).or_default() += 1;
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|b| seconds <= *b).unwrap_or(BOUNDS.len());
        self.times[bucket].fetch_add(1, Relaxed);
        self.time_sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    fn metrics(&self) -> Vec<Metric> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let by_route = requests
            .iter()
            .map(|((route, class), n)| (vec![("route", (*route).into()), ("status", format!("{class}xx"))], *n as f64))
            .collect();
        let single = |name, help, kind, v: f64| Metric::single(name, help, kind, v);
        vec![
            Metric {
                name: "danxia_http_requests_total",
                help: "Requests answered, by route and class of status.",
                kind: MetricKind::Counter,
                samples: by_route,
            },
            single(
                "danxia_http_connections",
                "Connections open to the web door.",
                MetricKind::Gauge,
                self.connections.value() as f64,
            ),
            single("danxia_live_streams", "Live streams open.", MetricKind::Gauge, self.streams.value() as f64),
            single(
                "danxia_live_streams_refused_total",
                "Live streams refused because there were too many.",
                MetricKind::Counter,
                self.refused_streams.load(Relaxed) as f64,
            ),
            single(
                "danxia_live_resnapshots_total",
                "Snapshots sent to live streams that had fallen behind.",
                MetricKind::Counter,
                self.resnapshots.load(Relaxed) as f64,
            ),
        ]
    }

    /// Everything in Prometheus' text form: our own numbers and `others`.
    pub(crate) fn exposition(&self, others: Vec<Metric>) -> String {
        let mut out = String::new();
        let (mut shown, mut cut) = (Vec::new(), 0);
        for metric in self.metrics().into_iter().chain(others) {
            // The format allows each name once.
            if !shown.contains(&metric.name) {
                cut += metric.samples.len().saturating_sub(Metric::MAX_SAMPLES);
                shown.push(metric.name);
                write(&mut out, &metric);
            }
        }
        self.histogram(&mut out);
        let help = "Values left out of this answer because a metric had too many labels.";
        write(&mut out, &Metric::single("danxia_metrics_cut", help, MetricKind::Gauge, cut as f64));
        out
    }

    fn histogram(&self, out: &mut String) {
        const NAME: &str = "danxia_http_request_seconds";
        out.push_str("# HELP danxia_http_request_seconds Time from a request's head to its answer's head.\n");
        out.push_str("# TYPE danxia_http_request_seconds histogram\n");
        let mut total = 0;
        for (i, count) in self.times.iter().enumerate() {
            total += count.load(Relaxed);
            let bound = BOUNDS.get(i).map_or("+Inf".to_owned(), ToString::to_string);
            line(out, format_args!("{NAME}_bucket{{le=\"{bound}\"}} {total}"));
        }
        line(out, format_args!("{NAME}_sum {}", self.time_sum_us.load(Relaxed) as f64 / 1e6));
        line(out, format_args!("{NAME}_count {total}"));
    }
}

fn line(out: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing into a String does not fail.
    let _ = writeln!(out, "{args}");
}

fn write(out: &mut String, metric: &Metric) {
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
    };
    line(out, format_args!("# HELP {} {}", metric.name, metric.help.replace('\\', "\\\\").replace('\n', "\\n")));
    line(out, format_args!("# TYPE {} {kind}", metric.name));
    for (labels, value) in metric.samples.iter().take(Metric::MAX_SAMPLES) {
        let labels: Vec<_> = labels.iter().map(|(n, v)| format!("{n}=\"{}\"", escape(v))).collect();
        let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let value = match value {
            v if v.is_nan() => "NaN".to_owned(),
            v if v.is_infinite() => if *v > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
            v => v.to_string(),
        };
        line(out, format_args!("{}{braces} {value}", metric.name));
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_bounded_and_names_stand_once() {
        let many = (0..Metric::MAX_SAMPLES + 3).map(|i| (vec![("n", i.to_string())], 1.0)).collect();
        let odd = vec![(vec![("why", "a\"b\\c\nd".to_owned())], f64::INFINITY)];
        let metric = |name, samples| Metric { name, help: "Help.", kind: MetricKind::Counter, samples };
        let text = Meter::default().exposition(vec![
            metric("odd_total", odd),
            metric("many_total", many),
            metric("many_total", vec![]),
        ]);
        assert!(text.contains("odd_total{why=\"a\\\"b\\\\c\\nd\"} +Inf\n"), "{text}");
        assert_eq!(text.matches("many_total{").count(), Metric::MAX_SAMPLES);
        assert_eq!(text.matches("# TYPE many_total counter\n").count(), 1);
        assert!(text.contains("danxia_metrics_cut 3\n"));
    }

    #[test]
    fn requests_are_counted_by_route_class_and_time() {
        let meter = Meter::default();
        for (status, ms) in [(200, 3), (204, 50), (404, 20_000)] {
            meter.answered("/x", StatusCode::from_u16(status).unwrap(), Duration::from_millis(ms));
        }
        meter.connections.add(1);
        let text = meter.exposition(Vec::new());
        for line in [
            "danxia_http_requests_total{route=\"/x\",status=\"2xx\"} 2",
            "danxia_http_requests_total{route=\"/x\",status=\"4xx\"} 1",
            "danxia_http_request_seconds_bucket{le=\"0.005\"} 1",
            "danxia_http_request_seconds_bucket{le=\"10\"} 2",
            "danxia_http_request_seconds_bucket{le=\"+Inf\"} 3",
            "danxia_http_request_seconds_count 3",
            "danxia_http_connections 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in:\n{text}");
        }
    }
}
