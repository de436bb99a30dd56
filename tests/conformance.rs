//! Every engine keeps every promise of the contract: one module for each engine, one test for each promise.

mod plain {
    //! The plain engine, which shows what the suite asks for with nothing in the way.

    use annals_testkit::conformance_tests;
    use annals_testkit::plain::PlainSubject;

    conformance_tests!(PlainSubject::default);
}

mod embedded {
    //! The embedded engine.

    use annals_testkit::conformance_tests;
    use annals_testkit::embedded::EmbeddedSubject;

    conformance_tests!(EmbeddedSubject::default);
}
