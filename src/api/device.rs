//! Orders for members' devices (M28): as they are declared, and what became of them. No I/O. Used by `Member` and by
//! everything that decides about devices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{DeviceId, Token};

/// An order for one device (M28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceOrder {
    /// The device, as the services report it.
    pub id: DeviceId,
    /// What is done.
    pub action: DeviceAction,
    /// A new value orders again.
    pub token: Token,
}

/// What can be done to a device (M28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeviceAction {
    SignedOut,
    AppDataDeleted,
    DeviceReset,
}

impl DeviceAction {
    /// The action's name.
    pub fn name(self) -> &'static str {
        match self {
            DeviceAction::SignedOut => "SignedOut",
            DeviceAction::AppDataDeleted => "AppDataDeleted",
            DeviceAction::DeviceReset => "DeviceReset",
        }
    }
}

/// What became of an order for a device (M28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeviceOrderState {
    /// Its date came while nothing irreversible may happen, or who it concerns is frozen.
    Waiting,
    /// The service that looks after devices has it.
    Ordered,
    /// The service carried it out.
    Done,
    /// No such device of the member was known; nothing is done.
    DeviceUnknown,
    /// The device is not managed; nothing is done.
    DeviceUnmanaged,
}

/// An order for a device, and what became of it (M28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceOrderStatus {
    /// The device.
    pub id: String,
    /// What is done.
    pub action: DeviceAction,
    /// The token of the order.
    pub token: String,
    /// What became of it.
    pub state: DeviceOrderState,
    /// When it was ordered.
    pub ordered_at: String,
    /// When the service carried it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<String>,
}
