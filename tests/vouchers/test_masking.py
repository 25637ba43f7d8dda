"""Personal data is covered until somebody says why."""

from vouchers.masking import masked

TABLE = [
    ("phone", "13812345678", "138＊＊＊＊5678"),
    ("phone", "021-5556 7788", "021＊＊＊＊7788"),
    ("phone", "12345", "＊＊＊＊＊"),
    ("mail", "lihua@example.test", "l＊＊＊@example.test"),
    ("mail", "no-at-sign", "＊＊＊＊"),
    ("id", "310107199001011234", "3＊＊＊＊34"),
    ("bank", "6222 0000 1111 2222", "＊＊＊＊2222"),
    ("phone", "", ""),
    ("text", "13812345678", "13812345678"),
]


def test_enough_is_left_to_recognise_and_too_little_to_use():
    for kind, value, shown in TABLE:
        assert masked(kind, value) == shown, value
