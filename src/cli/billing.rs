//! `rollcall billing`: what the billing system tells of a tenant's charges (T13). Facts: written at any time,
//! whoever leads.

use clap::{Args, Subcommand};
use iso_currency::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;

use super::output::Format;
use super::record::{advance, tenant};
use super::{Failure, Global, OK, PARTLY, output, unknown};
use crate::api::time::rfc3339;
use crate::api::{Handle, When};
use crate::directory::{Directory, charges};
use crate::record::charge::month_of;
use crate::record::{Charge, TenantRecord, Uid};

/// Tells the directory what a tenant is to pay, and what it has paid.
#[derive(Debug, Args)]
pub struct Billing {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add the charge of a month, or correct one that is not paid
    Add {
        /// The tenant's name
        tenant: String,
        /// The month [default: the current one, in the tenant's time zone]
        #[arg(long, value_name = "YYYY-MM", value_parser = month)]
        month: Option<String>,
        /// The amount, in the smallest unit of the currency: 1250 for 12.50 USD, 1250 for 1250 KRW; 0 counts as paid
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
        amount: i64,
        /// The ISO 4217 code of the currency
        #[arg(long, value_name = "CODE", value_parser = currency)]
        currency: String,
        /// The day or instant at which it is due
        #[arg(long, value_name = "DATE")]
        due: When,
    },
    /// Note that the charge of a month is paid
    Pay {
        /// The tenant's name
        tenant: String,
        /// The month [default: the current one, in the tenant's time zone]
        #[arg(long, value_name = "YYYY-MM", value_parser = month)]
        month: Option<String>,
    },
    /// List the charges of a tenant, by month
    List {
        /// The tenant's name
        tenant: String,
        /// Of this month only
        #[arg(long, value_name = "YYYY-MM", value_parser = month)]
        month: Option<String>,
        /// How to print them
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
}

fn month(text: &str) -> Result<String, String> {
    let is_month = text.len() == 7 && format!("{text}-01").parse::<Date>().is_ok();
    if is_month { Ok(text.to_owned()) } else { Err("write a month as 2027-03".to_owned()) }
}

fn currency(text: &str) -> Result<String, String> {
    let known = Currency::from_code(&text.to_ascii_uppercase());
    let known = known.ok_or("write the three letters of a currency of ISO 4217, such as KRW")?;
    Ok(known.code().to_owned())
}

impl Billing {
    pub async fn run(self, global: &Global) -> Result<u8, Failure> {
        let directory = global.open().await?;
        let name = match &self.what {
            What::Add { tenant, .. } | What::Pay { tenant, .. } | What::List { tenant, .. } => tenant,
        };
        let handle = Handle::new(global.default_namespace(), name.strip_prefix("tenant/").unwrap_or(name));
        let Some(tenant) = tenant(&mut directory.read().await?, &handle).await? else {
            note!("error: there is no tenant {}", unknown(&handle));
            return Ok(PARTLY);
        };
        let now = global.now();
        let this_month = || month_of(now, &tenant.zone);
        if let What::List { month, output, .. } = &self.what {
            list(&directory, &tenant, month.as_deref(), *output).await?;
            return Ok(OK);
        }
        global.keep_clock(&directory).await?;
        if tenant.cancelled_at.is_some() {
            note!("error: the tenant {handle} is cancelled; it is charged nothing any more (T12)");
            return Ok(PARTLY);
        }
        let done = match self.what {
            What::Add { month, amount, currency, due, .. } => {
                let month = month.unwrap_or_else(this_month);
                let due = due.start(&tenant.zone);
                let mut tx = directory.write().await?;
                let added = charges::add(&mut tx, &tenant.uid, &month, amount, &currency, due).await?;
                tx.commit().await?;
                if added {
                    say!("{handle} is charged {amount} {currency} for {month}, due {}", rfc3339(due))?;
                } else {
                    note!("error: the charge of {handle} for {month} is paid already, and is not changed any more");
                }
                added
            }
            What::Pay { month, .. } => pay(&directory, &handle, &tenant.uid, &month.unwrap_or_else(this_month), now).await?,
            What::List { .. } => true,
        };
        // Where nobody leads who would tell it within a second, it is told here.
        advance(&directory, now).await?;
        Ok(if done { OK } else { PARTLY })
    }
}

async fn pay(directory: &Directory, handle: &Handle, tenant: &Uid, month: &str, now: Timestamp) -> Result<bool, Failure> {
    let mut tx = directory.write().await?;
    let paid = charges::pay(&mut tx, tenant, month, now).await?;
    let known = charges::of_tenants(&mut tx, std::slice::from_ref(tenant)).await?;
    tx.commit().await?;
    let known = known.get(tenant).is_some_and(|charges| charges.iter().any(|charge| charge.month == month));
    match (paid, known) {
        (true, _) => say!("{handle} has paid {month}")?,
        (false, true) => say!("{handle} had paid {month} before")?,
        (false, false) => note!("error: {handle} has no charge for {month}"),
    }
    Ok(paid || known)
}

async fn list(directory: &Directory, tenant: &TenantRecord, month: Option<&str>, format: Format) -> Result<(), Failure> {
    let all = charges::of_tenants(&mut directory.read().await?, std::slice::from_ref(&tenant.uid)).await?;
    let all = all.into_values().flatten();
    let charges: Vec<Charge> = all.filter(|charge| month.is_none_or(|month| charge.month == month)).collect();
    match format {
        Format::Json => {
            let list: Vec<_> = charges
                .iter()
                .map(|Charge { month, amount, currency, due_at, paid_at, revision: _, told: _ }| {
                    json!({"month": month, "amount": amount, "currency": currency, "dueAt": rfc3339(*due_at), "paidAt": paid_at.map(rfc3339)})
                })
                .collect();
            output::json(&list)
        }
        Format::Table => {
            let rows = charges.iter().map(|charge| {
                let paid = charge.paid_at.map_or_else(|| if charge.is_outstanding() { "no".into() } else { "–".into() }, rfc3339);
                vec![charge.month.clone(), charge.amount.to_string(), charge.currency.clone(), rfc3339(charge.due_at), paid]
            });
            output::table(&["MONTH", "AMOUNT", "CURRENCY", "DUE", "PAID"], rows)
        }
    }
}
