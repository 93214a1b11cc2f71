//! Members' pictures (M3): where they come from, what is taken, what is told. Never about who sees them.
//! Run by `make test`.

use serde_json::Value;

use crate::life::{START, change, company, company_without_jane, count, jane, jane_with, row};
use crate::support::{Roster, condition, on_both, ready};

const NEXT_DAY: &str = "2027-03-02T09:00:00Z";
const LATER: &str = "2027-03-03T09:00:00Z";
const FILE: &str = "  photo: {file: jane.png}";

/// The beginning of a PNG of this size, as far as anybody looks at it.
fn png(width: u32, height: u32) -> Vec<u8> {
    let start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    [start.as_slice(), &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x06\0\0\0"].concat()
}

fn write(roll: &Roster, name: &str, content: &[u8]) {
    std::fs::write(roll.folder().join(name), content).expect("a file in the scratch folder");
}

/// The conditions about the photo: their types, and the message of the last.
fn told(roll: &Roster) -> (Vec<&'static str>, String) {
    let jane = jane(roll);
    assert_eq!(ready(&jane).0, "True", "a photo never holds up its member");
    let kinds = ["PhotoNotFound", "PhotoInvalid", "PhotoSize"];
    let found = kinds.map(|kind| (kind, condition(&jane, kind).cloned()));
    let found: Vec<(&str, Value)> = found.into_iter().filter_map(|(kind, told)| Some((kind, told?))).collect();
    let message = found.last().map(|(_, told)| told["message"].to_string()).unwrap_or_default();
    (found.into_iter().map(|(kind, _)| kind).collect(), message)
}

fn kept(roll: &Roster) -> Option<String> {
    roll.query("SELECT media_type FROM photos WHERE content IS NOT NULL")
}

// M3: a file beside the manifest, taken by its content; the same content writes nothing.
#[test]
fn a_photo_is_taken_from_a_file_by_its_content() {
    on_both(|roll| {
        write(roll, "jane.png", &png(640, 640));
        roll.apply(START, &company(FILE)).expect_code(0);
        assert_eq!((told(roll).0, kept(roll).as_deref()), (Vec::new(), Some("image/png")));
        let content = change(&row(roll, "update"), "photo.content").1.to_owned();
        assert!(content.starts_with("image/png 640x640 "), "{content}");
        let rows = roll.trail().len();
        roll.apply(NEXT_DAY, &company(FILE)).expect_code(0);
        assert_eq!(roll.trail().len(), rows, "unchanged content writes nothing");

        // JPEG under the same name: the name means nothing.
        write(
            roll,
            "jane.png",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x11\x08\x02\x80\x02\x80\x03\x01\x22\0",
        );
        roll.apply(LATER, &company(FILE)).expect_code(0);
        assert_eq!((told(roll).0, kept(roll).as_deref()), (Vec::new(), Some("image/jpeg")));
    });
}

// M3: what is missing or bad is told beside `Ready`, and takes nothing away.
#[test]
fn a_missing_or_bad_photo_is_a_warning_and_takes_nothing_away() {
    on_both(|roll| {
        roll.apply(START, &company(FILE)).expect_code(0);
        let (kinds, message) = told(roll);
        assert!(kinds == ["PhotoNotFound"] && message.contains("jane.png"), "{kinds:?} {message}");
        write(roll, "jane.png", &png(640, 640));
        roll.apply(NEXT_DAY, &company(FILE)).expect_code(0);
        assert_eq!(told(roll).0, Vec::<&str>::new());
        write(roll, "jane.png", b"GIF89a\x80\x02\x80\x02");
        roll.apply(LATER, &company(FILE)).expect_code(0);
        assert_eq!((told(roll).0, kept(roll).is_some()), (vec!["PhotoInvalid"], true));
        write(roll, "jane.png", &[png(640, 640), vec![0; 10_000_000 - png(640, 640).len()]].concat());
        roll.apply("2027-03-04T09:00:00Z", &company(FILE)).expect_code(0);
        assert!(told(roll).1.contains("10 MB"), "{:?}", told(roll));
        write(roll, "jane.png", &png(800, 600));
        roll.apply("2027-03-05T09:00:00Z", &company(FILE)).expect_code(0);
        let (kinds, message) = told(roll);
        assert!(kinds == ["PhotoSize"] && message.contains("800x600"), "{kinds:?} {message}");
    });
}

/// Base64, as Secrets and ConfigMaps have it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        let letter = |place: usize| if place <= chunk.len() { LETTERS[bits >> (18 - 6 * place) & 63] as char } else { '=' };
        (0..4).map(letter).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

// M3: from a ConfigMap or a Secret that is a manifest of the same set.
#[test]
fn a_photo_is_taken_from_a_config_map_or_a_secret() {
    on_both(|roll| {
        let object = |kind: &str, field: &str| {
            let content = base64(&png(640, 640));
            format!("---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: photos}}\n{field}: {{jane: {content}}}\n")
        };
        let config_map = "  photo: {configMapKeyRef: {name: photos, key: jane}}";
        let set = company(config_map) + &object("ConfigMap", "binaryData");
        roll.apply(START, &set).expect_code(0);
        assert_eq!((told(roll).0, kept(roll).as_deref()), (Vec::new(), Some("image/png")));
        let secret = "  photo: {secretKeyRef: {name: photos, key: jane}}";
        roll.apply(NEXT_DAY, &(company(secret) + &object("Secret", "data"))).expect_code(0);
        assert_eq!(told(roll).0, Vec::<&str>::new());
        roll.apply(LATER, &company("  photo: {secretKeyRef: {name: photos, key: other}}")).expect_code(0);
        let (kinds, message) = told(roll);
        assert!(kinds == ["PhotoNotFound"] && message.contains("photos"), "{kinds:?} {message}");
    });
}

// M3, M12: a photo that is left out is taken away.
#[test]
fn a_photo_that_is_left_out_is_taken_away() {
    on_both(|roll| {
        write(roll, "jane.png", &png(640, 640));
        roll.apply(START, &company(FILE)).expect_code(0);
        roll.apply(NEXT_DAY, &jane_with("")).expect_code(0);
        assert_eq!(count(roll, "photos"), 0);
        assert_eq!(change(&row(roll, "update"), "photo.content").1, "");
    });
}

// M25
#[test]
fn a_photo_is_erased_at_the_purge() {
    on_both(|roll| {
        write(roll, "jane.png", &png(640, 640));
        roll.apply(START, &company(FILE)).expect_code(0);
        roll.apply_with(NEXT_DAY, &company_without_jane(), &["--prune"]).expect_code(0);
        assert_eq!(count(roll, "photos"), 1);
        roll.tick("2027-03-20T09:00:00Z").expect_code(0);
        assert_eq!(count(roll, "photos"), 0);
    });
}

// R2: a plan looks at the same pictures, and tells what the apply does.
#[test]
fn a_plan_tells_of_a_photo() {
    on_both(|roll| {
        roll.apply(START, &company("")).expect_code(0);
        write(roll, "jane.png", &png(640, 640));
        let plan = roll.plan(NEXT_DAY, &jane_with(FILE), &[]).expect_code(1);
        let fingerprint = plan.json["fingerprint"].as_str().unwrap_or_default().to_owned();
        assert!(plan.json["changes"].to_string().contains("photo.content"), "{:#}", plan.json);
        roll.apply_with(NEXT_DAY, &jane_with(FILE), &["--expect", &fingerprint]).expect_code(0);
    });
}
