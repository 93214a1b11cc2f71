//! A charge of the billing system (T13): a fact about a tenant and a month. Plain data; nothing is decided
//! here. Made by the directory, looked at by the decision about a cancellation and by the status.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What a tenant is to pay for a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// `2027-03`.
    pub month: String,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// Its ISO 4217 code.
    pub currency: String,
    pub due_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    /// Counts what the billing system wrote of it.
    pub revision: i64,
    /// The revision that the tenant's status knows of.
    pub told: i64,
}

impl Charge {
    /// Whether something is to be paid still: an amount of zero is paid.
    pub fn is_outstanding(&self) -> bool {
        self.paid_at.is_none() && self.amount > 0
    }
}

/// The month of an instant in a time zone, as charges name it.
pub fn month_of(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m").to_string()
}
