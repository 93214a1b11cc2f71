//! Two times measured one right after the other, again and again: what else the machine does hits both, and the median
//! of their ratios passes over what hits one.

use std::time::Duration;

/// Times of ours, each with that of its peer right beside it.
#[derive(Default)]
pub struct Pairs(pub Vec<(Duration, Duration)>);

impl Pairs {
    /// How many times as long ours takes: the median.
    pub fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, peer)| ours.as_secs_f64() / peer.as_secs_f64()).collect())
    }

    /// The medians of ours and of the peer's, in seconds.
    pub fn seconds(&self) -> (f64, f64) {
        let (ours, peers): (Vec<f64>, Vec<f64>) =
            self.0.iter().map(|(ours, peer)| (ours.as_secs_f64(), peer.as_secs_f64())).unzip();
        (median(ours), median(peers))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
