//! A deterministic roster of any size: the same number of members gives the same files, byte for byte.
//! Used by benchmarks and by tests.

use std::fmt::Write as _;
use std::path::Path;

const FAMILIES: &[&str] = &["Müller", "Okafor", "Nuñez", "Łukasiewicz", "Doe", "김", "박", "佐々木", "田中", "O'Brien"];
const GIVENS: &[&str] = &["Jane", "Íñigo", "Grażyna", "Ada", "Tomáš", "지우", "서연", "さくら", "健", "Noor"];
/// Members in one file.
const PER_FILE: usize = 100;
/// Members to an organization.
const PER_TEAM: usize = 50;

/// The YAML of the tenant and its organizations.
pub fn tenant(members: usize) -> String {
    let mut text = String::from(
        "apiVersion: rollcall.dev/v1alpha1
kind: Tenant
metadata: {name: big, namespace: hr}
spec:
  displayName: Big
  domain: big.example
  timeZone: Asia/Seoul
  languages: [en_US, ko_KR]
  products: {core: {plan: Advanced}}
  supremeAdminRef: {name: m000000}
  jobLevels: [L1, L2, L3, L4, L5]
  positions: [Lead, Engineer, Analyst]
",
    );
    for team in 0..members.div_ceil(PER_TEAM) {
        let parent = if team == 0 { String::new() } else { format!("\n  parentRef: {{name: t{:05}}}", (team - 1) / 6) };
        let _ = write!(
            text,
            "---
apiVersion: rollcall.dev/v1alpha1
kind: Organization
metadata: {{name: t{team:05}, namespace: hr}}
spec:
  tenantRef: {{name: big}}{parent}
  displayName: Team {team}
"
        );
    }
    text
}

/// The YAML of one member.
pub fn member(number: usize, members: usize) -> String {
    let teams = members.div_ceil(PER_TEAM);
    let (family, given) = (FAMILIES[number % FAMILIES.len()], GIVENS[number / 7 % GIVENS.len()]);
    let mut text = format!(
        "apiVersion: rollcall.dev/v1alpha1
kind: Member
metadata: {{name: m{number:06}, namespace: hr}}
spec:
  tenantRef: {{name: big}}
  id: user.{number:06}
  name: {{family: \"{family}\", given: \"{given}\"}}
  personalEmail: user{number:06}@home.example
  mobilePhone: \"+82 10-{:04}-{:04}\"
  employeeNumber: \"E{number:06}\"
  externalKey: hr-{number:06}
  jobLevel: L{}
  organizations:
  - organizationRef: {{name: t{:05}}}
    position: Engineer
",
        number / 10_000,
        number % 10_000,
        number % 5 + 1,
        number % teams,
    );
    if number % 10 == 3 && teams > 1 {
        let _ = writeln!(text, "  - organizationRef: {{name: t{:05}}}", (number + 1) % teams);
    }
    if number % 20 == 7 {
        text.push_str("  leaveOfAbsence: {from: \"2031-01-01\", until: \"2031-06-30\"}\n");
    }
    if number % 50 == 11 {
        text.push_str("  activation: {at: \"2032-04-01\"}\n");
    }
    text
}

/// Writes a roster of that many members into a folder.
pub fn write(folder: &Path, members: usize) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("members"))?;
    std::fs::write(folder.join("tenant.yaml"), tenant(members))?;
    for first in (0..members).step_by(PER_FILE) {
        let documents: Vec<String> = (first..members.min(first + PER_FILE)).map(|number| member(number, members)).collect();
        std::fs::write(folder.join("members").join(format!("{first:06}.yaml")), documents.join("---\n"))?;
    }
    Ok(())
}
