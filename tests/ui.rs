//! What the compiler says of each mistake. Programs without one are in `tests/correct.rs`: with them among these, all that
//! they depend on would be built and not only checked.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
