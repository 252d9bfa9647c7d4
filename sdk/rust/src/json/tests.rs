use std::collections::BTreeMap;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    label: Option<String>,
    prices: Vec<f32>,
    by_day: BTreeMap<String, (u8, f64)>,
    kind: Kind,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Scaled(f64),
    Pair(f64, f64),
    Named { factor: f64 },
}

fn order() -> Order {
    Order { label: None, prices: vec![1.0], by_day: BTreeMap::from([("monday".into(), (1, 0.5))]), kind: Kind::Plain }
}

fn refusal(value: &impl Serialize) -> String {
    write(value).unwrap_err().to_string()
}

#[test]
fn a_number_that_json_does_not_have_is_refused_with_its_place() {
    assert_eq!(refusal(&f64::NAN), "JSON has no number NaN");
    assert_eq!(refusal(&f32::NEG_INFINITY), "JSON has no number -inf");
    assert_eq!(refusal(&Some(f64::INFINITY)), "JSON has no number inf");
    assert_eq!(refusal(&Order { prices: vec![1.0, f32::NAN], ..order() }), "at `prices[1]`: JSON has no number NaN");
    let by_day = BTreeMap::from([("friday".into(), (1, f64::INFINITY))]);
    assert_eq!(refusal(&Order { by_day, ..order() }), "at `by_day.friday[1]`: JSON has no number inf");
    assert_eq!(refusal(&Order { kind: Kind::Scaled(f64::NAN), ..order() }), "at `kind.Scaled`: JSON has no number NaN");
    assert_eq!(refusal(&Order { kind: Kind::Pair(0.0, f64::NAN), ..order() }), "at `kind[1]`: JSON has no number NaN");
    assert_eq!(refusal(&vec![Kind::Named { factor: f64::NAN }]), "at `[0].factor`: JSON has no number NaN");
    assert!(refusal(&BTreeMap::from([((1, 2), 3)])).contains("key must be a string"));
}

#[test]
fn what_json_has_is_written_as_ever_and_read_back() {
    for kind in [Kind::Plain, Kind::Scaled(1e308), Kind::Pair(-0.0, f64::MIN_POSITIVE), Kind::Named { factor: 5e-324 }] {
        let order = Order { kind, ..order() };
        let text = write(&order).unwrap();
        assert_eq!(text, serde_json::to_string(&order).unwrap());
        assert_eq!(read::<Order>(&text).unwrap(), order);
    }
    assert_eq!(write(&serde_json::json!({"a": null, "b": [null, 1.5]})).unwrap(), r#"{"a":null,"b":[null,1.5]}"#);
    assert_eq!(read::<u128>(&write(&u128::MAX).unwrap()).unwrap(), u128::MAX);
    assert_eq!(read::<i128>(&write(&i128::MIN).unwrap()).unwrap(), i128::MIN);
    assert_eq!(read::<char>(&write(&'\u{0}').unwrap()).unwrap(), '\u{0}');
    assert_eq!(read::<BTreeMap<i64, bool>>(&write(&BTreeMap::from([(-1, true)])).unwrap()).unwrap(), BTreeMap::from([(-1, true)]));
}

#[test]
fn a_number_is_read_back_to_the_last_bit() {
    // Numbers of 17 digits, which a reader that only comes close gets wrong every tenth time.
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..10_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = f64::from_bits(bits);
        if number.is_finite() {
            assert_eq!(read::<f64>(&write(&number).unwrap()).unwrap().to_bits(), number.to_bits(), "{number:e}");
        }
    }
}
