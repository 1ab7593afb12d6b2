//! What the compiler says of each mistake, and that correct programs compile.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn correct_programs_compile() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}
