//! The token of a key is the one that Cassandra and its drivers compute.
//!
//! The vectors are facts from public test suites, not code: those of the first two tests from the C# driver
//! (datastax/csharp-driver, `TokenTests.cs`, whose values were read from a Cassandra server), those of the third from
//! the Python driver (datastax/python-driver, `test_metadata.py`). Bytes over 127 and keys whose length is no multiple
//! of 16 are among them: there Cassandra departs from the reference implementation.

use annals_model::Token;

fn assert_token(key: &[u8], expected: i64) {
    assert_eq!(Token::of(key).get(), expected, "the token of {}", key.escape_ascii());
}

#[test]
fn whole_blocks_have_cassandras_token() {
    let rising = [
        -5_563_837_382_979_743_776,
        -1_513_403_162_740_402_161,
        -495_360_443_712_684_655,
        1_734_091_135_765_407_943,
        -3_199_412_112_042_527_988,
        -6_316_563_938_475_080_831,
        8_228_893_370_679_682_632,
    ];
    for (first, expected) in (1_u8..).zip(rising) {
        let key: Vec<u8> = (first..first + 16).collect();
        assert_token(&key, expected);
    }
    assert_token(&[0; 16], 5_457_549_051_747_178_710);
    assert_token(&[255; 16], -2_824_192_546_314_762_522);
    assert_token(&[254; 16], -833_317_529_301_936_754);
    let mut mixed = [255; 16];
    mixed[..4].copy_from_slice(&[0, 1, 2, 3]);
    assert_token(&mixed, 6_463_632_673_159_404_390);
}

#[test]
fn tails_with_high_bytes_have_cassandras_token_and_not_the_reference_implementations() {
    assert_token(&[254; 17], -1_672_437_813_826_982_685);
    assert_token(&[254; 4], 4_566_408_979_886_474_012);
    assert_token(&[0; 4], -3_485_513_579_396_041_028);
    assert_token(&[0, 1, 127, 127], 6_573_459_401_642_635_627);
    assert_token(&[0, 255, 255, 255], 123_573_637_386_978_882);
    assert_token(&[255, 1, 2, 3], -2_839_127_690_952_877_842);
    assert_token(&[226, 231], -8_582_699_461_035_929_883);
    assert_token(&[226, 231, 226, 231, 226, 231, 1], 2_222_373_981_930_033_306);
}

#[test]
fn keys_of_the_python_driver_have_cassandras_token() {
    assert_token(b"123", -7_468_325_962_851_647_638);
    assert_token(b"9223372036854775807", 7_162_290_910_810_015_547);
    assert_token(&[0x00, 0xff, 0x10, 0xfa, 0x99].repeat(10), 5_837_342_703_291_459_765);
    assert_token(&[0xfe; 8], -8_927_430_733_708_461_935);
    assert_token(&[0x10; 8], 1_446_172_840_243_228_796);
}
