//! What happened to a member's account beside its life (M3, M9, M26–M28): the second step, the easy login, the
//! language, the photo, and what was ordered for devices. Plain data; nothing is decided here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cause, Uid, instant};
use crate::api::member::{DeviceAction, DeviceOrderState, EasyLoginMethod};

/// What services reported of an account, and what was ordered for its devices. The directory is its only truth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Account {
    /// The method of the second step that the member enrolled (M26).
    pub second_step: Option<String>,
    /// When the second step was last reset.
    pub second_step_reset_at: Option<Timestamp>,
    /// The way of the easy login, if there is one (M27).
    pub easy_login: Option<EasyLoginMethod>,
    /// The language that the member chose (M9).
    pub language: Option<String>,
    /// The picture that is kept (M3).
    pub photo: Option<Photo>,
    /// What was ordered for devices, the oldest first (M28).
    pub orders: Vec<DeviceOrder>,
}

/// A picture, but for its content (M3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Photo {
    pub media_type: String,
    pub width: i64,
    pub height: i64,
    /// Of its content, SHA-256 in hexadecimal.
    pub digest: String,
}

/// One order for one device (M28). Device, action and token tell it from all others of the member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceOrder {
    pub device: String,
    pub action: DeviceAction,
    pub token: String,
    pub state: DeviceOrderState,
    pub ordered_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

/// How many orders that are over are kept to be shown; the trail has them all.
const KEPT: usize = 50;

impl DeviceOrder {
    /// What a service names when it reports the order done, beside member and device: `DeviceReset/TOKEN`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.action.name(), self.token)
    }

    /// The field under which its token is spent (R13).
    pub fn field(&self) -> String {
        order_field(&self.device, self.action)
    }

    /// Whether this and another are one order.
    pub fn is(&self, device: &str, action: DeviceAction, token: &str) -> bool {
        self.device == device && self.action == action && self.token == token
    }

    /// Whether something is still to come of it.
    pub fn is_in_progress(&self) -> bool {
        match self.state {
            DeviceOrderState::Waiting | DeviceOrderState::Ordered => true,
            DeviceOrderState::Done | DeviceOrderState::DeviceUnknown | DeviceOrderState::DeviceUnmanaged => false,
        }
    }

    fn to_json(&self) -> Value {
        // When it was is told by the row itself.
        let DeviceOrder { device, action, token, state, ordered_at: _, done_at: _ } = self;
        json!({"device": device, "action": action.name(), "token": token, "state": state})
    }
}

/// The field under which the tokens of orders for a device are spent (R13).
pub fn order_field(device: &str, action: DeviceAction) -> String {
    format!("devices/{device}/{}", action.name())
}

/// The name of an order among all orders of the directory. A slash within a device's own name is written otherwise, so that
/// no two orders have one name.
pub fn device_order_id(member: &Uid, order: &DeviceOrder) -> String {
    let device = order.device.replace('%', "%25").replace('/', "%2F");
    format!("{member}/{device}/{}", order.name())
}

impl Account {
    /// Adds an order.
    pub fn add(&mut self, order: DeviceOrder) {
        self.orders.push(order);
        while self.orders.iter().filter(|order| !order.is_in_progress()).count() > KEPT
            && let Some(oldest) = self.orders.iter().position(|order| !order.is_in_progress())
        {
            self.orders.remove(oldest);
        }
    }

    /// Whether an order is in one of its states.
    pub fn has_order(&self, state: DeviceOrderState) -> bool {
        self.orders.iter().any(|order| order.state == state)
    }

    /// The fields that the trail tells of, by path.
    pub(super) fn fields(&self) -> Vec<(String, Value)> {
        let Account { second_step, second_step_reset_at, easy_login, language, photo, orders } = self;
        vec![
            ("twoStep.method".into(), second_step.clone().into()),
            ("twoStep.resetAt".into(), instant(*second_step_reset_at)),
            ("easyLoginMethod".into(), json!(easy_login)),
            ("chosenLanguage".into(), language.clone().into()),
            ("photo.content".into(), photo.as_ref().map_or(Value::Null, |photo| photo.told().into())),
            ("deviceOrders".into(), orders.iter().map(DeviceOrder::to_json).collect()),
        ]
    }
}

impl Photo {
    /// The picture in a few words: `image/png 640x640 1f3a…`.
    pub fn told(&self) -> String {
        let Photo { media_type, width, height, digest } = self;
        format!("{media_type} {width}x{height} {}", digest.get(..12).unwrap_or(digest))
    }
}

/// What the shell knows of a member's account, before a decision folds it in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountFacts {
    /// What services reported since it was looked at last; nothing, if they did not.
    pub news: Option<News>,
    /// The devices of the member, where a decision may order something for them.
    pub devices: Vec<Device>,
    /// The picture that the manifest refers to, where it was looked for.
    pub photo: Option<PhotoFact>,
}

/// What services reported of a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// The rows that say that there are news.
    pub ids: Vec<String>,
    pub second_step: Option<String>,
    pub easy_login: Option<EasyLoginMethod>,
    pub language: Option<String>,
    pub reports: Vec<DeviceReport>,
}

/// A device as the services know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: String,
    /// Whether what is ordered can be carried out on it.
    pub managed: bool,
}

/// What is reported of an order for a device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceReport {
    pub device: String,
    pub action: DeviceAction,
    pub token: String,
    pub what: Reported,
    pub at: Timestamp,
}

/// Whether an order is asked for, or was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// An administrator orders it outside of the manifest.
    Requested,
    /// A service carried it out.
    Done,
}

impl Reported {
    /// The cause of what follows from it.
    pub fn cause(self) -> Cause {
        match self {
            Reported::Requested => Cause::Administrative,
            Reported::Done => Cause::Service,
        }
    }
}

/// What was found where the manifest says that the picture is (M3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhotoFact {
    Kept(Photo),
    /// There is nothing under that name.
    NotFound(String),
    /// It is no picture that can be taken.
    Invalid(String),
}
