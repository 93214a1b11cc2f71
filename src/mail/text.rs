//! What mails say, in the five languages of T1: subject and plain text, terse and polite. Pure. Called by the letter.

use crate::api::Language;
use crate::record::Mail;

/// What stands in a mail.
pub struct Facts<'a> {
    /// The person's name as shown.
    pub name: &'a str,
    /// The company's name.
    pub company: &'a str,
    /// With what the person signs in.
    pub login: &'a str,
    /// The link to follow, or the page to sign in at.
    pub link: &'a str,
    /// The last day on which the link works.
    pub until: &'a str,
}

/// Subject and text of a mail in a language.
pub fn text(mail: Mail, language: Language, facts: &Facts<'_>) -> (String, String) {
    match language {
        Language::en_US => english(mail, facts),
        Language::ko_KR => korean(mail, facts),
        Language::ja_JP => japanese(mail, facts),
        Language::zh_CN => simplified_chinese(mail, facts),
        Language::zh_TW => traditional_chinese(mail, facts),
    }
}

fn english(mail: Mail, Facts { name, company, login, link, until }: &Facts<'_>) -> (String, String) {
    let (subject, text) = match mail {
        Mail::FirstNotice => (
            format!("Your account at {company}"),
            format!("your account at {company} is ready.\n\nLogin ID: {login}\nSign in: {link}"),
        ),
        Mail::Invitation => (
            format!("Invitation to {company}"),
            format!(
                "your account at {company} is ready. Please choose your password through this link. \
                 It works once, until {until}.\n\nLogin ID: {login}\n{link}"
            ),
        ),
        Mail::NewPassword => (
            format!("Your password at {company} was changed"),
            format!(
                "an administrator of {company} has set a new password for you. You will receive it separately, and be asked \
                 to change it when you sign in.\n\nLogin ID: {login}\nSign in: {link}"
            ),
        ),
        Mail::ChangeRequest => (
            format!("Please change your password at {company}"),
            format!(
                "an administrator of {company} asks you to change your password. You can do so through this link. \
                 It works once, until {until}.\n\nLogin ID: {login}\n{link}"
            ),
        ),
        Mail::ExternalInvitation => (
            format!("{company} would like to connect with you"),
            format!("{company} would like to add you as an external contact. To accept, please follow this link.\n\n{link}"),
        ),
    };
    let end = match mail {
        Mail::ExternalInvitation => "If you do not wish to, you can ignore this mail.",
        Mail::FirstNotice | Mail::Invitation | Mail::NewPassword | Mail::ChangeRequest => {
            "If you did not expect this mail, please contact your administrator."
        }
    };
    (subject, format!("Hello {name},\n\n{text}\n\n{end}\n"))
}

fn korean(mail: Mail, Facts { name, company, login, link, until }: &Facts<'_>) -> (String, String) {
    let (subject, text) = match mail {
        Mail::FirstNotice => {
            (format!("{company} 계정 안내"), format!("{company} 계정이 준비되었습니다.\n\n로그인 ID: {login}\n로그인: {link}"))
        }
        Mail::Invitation => (
            format!("{company} 초대"),
            format!(
                "{company} 계정이 준비되었습니다. 아래 링크에서 비밀번호를 설정해 주세요. \
                 링크는 {until}까지 한 번만 사용할 수 있습니다.\n\n로그인 ID: {login}\n{link}"
            ),
        ),
        Mail::NewPassword => (
            format!("{company} 비밀번호 변경 안내"),
            format!(
                "{company} 관리자가 새 비밀번호를 설정했습니다. 비밀번호는 별도로 전달되며, 로그인할 때 변경해야 합니다.\n\n\
                 로그인 ID: {login}\n로그인: {link}"
            ),
        ),
        Mail::ChangeRequest => (
            format!("{company} 비밀번호 변경 요청"),
            format!(
                "{company} 관리자가 비밀번호 변경을 요청했습니다. 아래 링크에서 변경해 주세요. \
                 링크는 {until}까지 한 번만 사용할 수 있습니다.\n\n로그인 ID: {login}\n{link}"
            ),
        ),
        Mail::ExternalInvitation => (
            format!("{company}에서 연결을 요청했습니다"),
            format!("{company}에서 외부 연락처로 추가하려고 합니다. 수락하려면 아래 링크를 열어 주세요.\n\n{link}"),
        ),
    };
    let end = match mail {
        Mail::ExternalInvitation => "원하지 않으시면 이 메일을 무시하셔도 됩니다.",
        Mail::FirstNotice | Mail::Invitation | Mail::NewPassword | Mail::ChangeRequest => {
            "예상하지 못한 메일이라면 관리자에게 문의해 주세요."
        }
    };
    (subject, format!("{name}님, 안녕하세요.\n\n{text}\n\n{end}\n"))
}

fn japanese(mail: Mail, Facts { name, company, login, link, until }: &Facts<'_>) -> (String, String) {
    let (subject, text) = match mail {
        Mail::FirstNotice => (
            format!("{company} アカウントのお知らせ"),
            format!("{company}のアカウントの準備ができました。\n\nログインID: {login}\nログイン: {link}"),
        ),
        Mail::Invitation => (
            format!("{company} へのご招待"),
            format!(
                "{company}のアカウントの準備ができました。下記のリンクからパスワードを設定してください。\
                 リンクは{until}まで、1回のみ有効です。\n\nログインID: {login}\n{link}"
            ),
        ),
        Mail::NewPassword => (
            format!("{company} パスワード変更のお知らせ"),
            format!(
                "{company}の管理者が新しいパスワードを設定しました。パスワードは別途お渡しします。\
                 ログイン時に変更してください。\n\nログインID: {login}\nログイン: {link}"
            ),
        ),
        Mail::ChangeRequest => (
            format!("{company} パスワード変更のお願い"),
            format!(
                "{company}の管理者がパスワードの変更をお願いしています。下記のリンクから変更してください。\
                 リンクは{until}まで、1回のみ有効です。\n\nログインID: {login}\n{link}"
            ),
        ),
        Mail::ExternalInvitation => (
            format!("{company} から連絡先追加のご依頼"),
            format!("{company}が外部連絡先として追加を希望しています。承諾する場合は下記のリンクを開いてください。\n\n{link}"),
        ),
    };
    let end = match mail {
        Mail::ExternalInvitation => "ご希望でない場合は、このメールを破棄してください。",
        Mail::FirstNotice | Mail::Invitation | Mail::NewPassword | Mail::ChangeRequest => {
            "お心当たりのない場合は、管理者にお問い合わせください。"
        }
    };
    (subject, format!("{name} 様\n\n{text}\n\n{end}\n"))
}

fn simplified_chinese(mail: Mail, Facts { name, company, login, link, until }: &Facts<'_>) -> (String, String) {
    let (subject, text) = match mail {
        Mail::FirstNotice => {
            (format!("{company} 账号通知"), format!("您在{company}的账号已准备就绪。\n\n登录 ID：{login}\n登录：{link}"))
        }
        Mail::Invitation => (
            format!("{company} 邀请"),
            format!(
                "您在{company}的账号已准备就绪。请通过以下链接设置密码。链接仅可使用一次，有效期至 {until}。\n\n\
                 登录 ID：{login}\n{link}"
            ),
        ),
        Mail::NewPassword => (
            format!("您在{company}的密码已更改"),
            format!("{company}的管理员已为您设置新密码。密码将另行告知，登录时请更改。\n\n登录 ID：{login}\n登录：{link}"),
        ),
        Mail::ChangeRequest => (
            format!("请更改您在{company}的密码"),
            format!(
                "{company}的管理员请您更改密码。请通过以下链接更改。链接仅可使用一次，有效期至 {until}。\n\n\
                 登录 ID：{login}\n{link}"
            ),
        ),
        Mail::ExternalInvitation => (
            format!("{company} 希望与您建立联系"),
            format!("{company}希望将您添加为外部联系人。如同意，请打开以下链接。\n\n{link}"),
        ),
    };
    let end = match mail {
        Mail::ExternalInvitation => "如不同意，请忽略此邮件。",
        Mail::FirstNotice | Mail::Invitation | Mail::NewPassword | Mail::ChangeRequest => {
            "如果您并未预期收到此邮件，请联系管理员。"
        }
    };
    (subject, format!("{name}，您好：\n\n{text}\n\n{end}\n"))
}

fn traditional_chinese(mail: Mail, Facts { name, company, login, link, until }: &Facts<'_>) -> (String, String) {
    let (subject, text) = match mail {
        Mail::FirstNotice => {
            (format!("{company} 帳號通知"), format!("您在{company}的帳號已準備就緒。\n\n登入 ID：{login}\n登入：{link}"))
        }
        Mail::Invitation => (
            format!("{company} 邀請"),
            format!(
                "您在{company}的帳號已準備就緒。請透過以下連結設定密碼。連結僅可使用一次，有效期至 {until}。\n\n\
                 登入 ID：{login}\n{link}"
            ),
        ),
        Mail::NewPassword => (
            format!("您在{company}的密碼已變更"),
            format!("{company}的管理員已為您設定新密碼。密碼將另行告知，登入時請變更。\n\n登入 ID：{login}\n登入：{link}"),
        ),
        Mail::ChangeRequest => (
            format!("請變更您在{company}的密碼"),
            format!(
                "{company}的管理員請您變更密碼。請透過以下連結變更。連結僅可使用一次，有效期至 {until}。\n\n\
                 登入 ID：{login}\n{link}"
            ),
        ),
        Mail::ExternalInvitation => (
            format!("{company} 希望與您建立聯絡"),
            format!("{company}希望將您加為外部聯絡人。如同意，請開啟以下連結。\n\n{link}"),
        ),
    };
    let end = match mail {
        Mail::ExternalInvitation => "如不同意，請忽略此郵件。",
        Mail::FirstNotice | Mail::Invitation | Mail::NewPassword | Mail::ChangeRequest => {
            "如果您並未預期收到此郵件，請聯絡管理員。"
        }
    };
    (subject, format!("{name}，您好：\n\n{text}\n\n{end}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_says_who_writes_and_where_to_go_in_every_language() {
        let facts = Facts { name: "NAME", company: "COMPANY", login: "LOGIN", link: "LINK", until: "UNTIL" };
        for language in Language::ALL {
            for mail in Mail::ALL {
                let (subject, body) = text(mail, language, &facts);
                assert!(subject.contains("COMPANY") && !subject.contains('\n'), "{language:?} {mail:?}");
                assert!(body.contains("NAME") && body.contains("LINK"), "{language:?} {mail:?}");
                assert_eq!(body.contains("UNTIL"), mail.link().is_some(), "{language:?} {mail:?}");
                assert_eq!(body.contains("LOGIN"), mail != Mail::ExternalInvitation, "{language:?} {mail:?}");
            }
        }
    }
}
