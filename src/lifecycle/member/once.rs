//! Values that act once (R13): each new value of such a field is spent as it is declared, and what it orders
//! follows from that (`record::change`). Pure. Called by the decision about a member.

use crate::api::MemberSpec;
use crate::record::Spent;
use crate::record::account::order_field;

/// Spends what a spec declares: what was spent before stays so, and acts no more. Whether any of it is new.
pub fn spend(spent: &mut Spent, spec: &MemberSpec) -> bool {
    declared(spec).into_iter().fold(false, |is_news, (field, value)| spent.entry(field).or_default().insert(value) || is_news)
}

/// The values of a spec that act once, by field.
fn declared(spec: &MemberSpec) -> Vec<(String, String)> {
    let password = spec.password.as_ref();
    let fields = [
        ("resetTwoStepVerification", spec.reset_two_step_verification.as_ref()),
        ("notifyUpdate", spec.notify_update.as_ref()),
        ("resendInvitation", spec.resend_invitation.as_ref()),
        ("password.resetToken", password.and_then(|password| password.reset_token.as_ref())),
        ("password.requestChange", password.and_then(|password| password.request_change.as_ref())),
    ];
    let fields = fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?.as_str().to_owned())));
    let devices =
        spec.devices.iter().map(|order| (order_field(order.id.as_str(), order.action), order.token.as_str().to_owned()));
    fields.chain(devices).collect()
}
