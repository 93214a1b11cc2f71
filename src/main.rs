mod api;
fn main() {
    for k in api::Kind::ALL {
        println!("---\n{}", serde_yaml::to_string(&api::schema::crd(k)).unwrap());
    }
}
