import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.languages import _LATIN, _SCRIPTS, _SHARED_SCRIPTS, detect

KNOWN = {*_LATIN, *(code for code, _ in _SCRIPTS), *(code for codes in _SHARED_SCRIPTS.values() for code in codes)}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ich kann seit Wochen nicht mehr richtig schlafen und habe Angst."),
        ("de", "Meine Mutter hat gestern wieder angerufen und geweint."),
        ("fr", "J’ai peur de sortir de la maison le matin."),
        ("fr", "On se dispute tous les soirs avec mon mari."),
        ("es", "Mi hermana me dijo que no quiere verme más."),
        ("it", "Non riesco a dormire e mi sento molto sola."),
        ("pt", "Não consigo dormir e sinto muita ansiedade à noite."),
        ("nl", "Ik kan al weken niet meer goed slapen."),
        ("sv", "Jag kan inte sova och jag är rädd hela tiden."),
        ("da", "Jeg kan ikke sove, og jeg er bange hele tiden."),
        ("fi", "En ole nukkunut kunnolla moneen viikkoon ja olen väsynyt."),
        ("pl", "Moja matka wczoraj znowu do mnie dzwoniła i płakała."),
        ("cs", "Nemůžu spát a pořád mám strach, že přijdu o práci."),
        ("hu", "Hetek óta nem tudok rendesen aludni és félek."),
        ("ro", "Nu pot să dorm și îmi este frică tot timpul."),
        ("tr", "Haftalardır doğru dürüst uyuyamıyorum ve çok korkuyorum."),
        ("vi", "Tôi không ngủ được và lúc nào cũng lo lắng."),
        ("id", "Saya tidak bisa tidur dan selalu merasa takut."),
        ("ru", "Я не могу спать и всё время боюсь."),
        ("ru", "Привет"),
        ("uk", "Я не можу спати і весь час боюся, що їх не побачу."),
        ("el", "Δεν μπορώ να κοιμηθώ."),
        ("he", "אני לא יכול לישון"),
        ("ar", "لا أستطيع النوم وأشعر بالخوف طوال الوقت."),
        ("fa", "من نمی‌توانم بخوابم و همیشه می‌ترسم."),
        ("hi", "मुझे नींद नहीं आती और मैं हमेशा डरा रहता हूँ।"),
        ("ja", "眠れないし、いつも不安です。"),
        ("zh", "我睡不着，一直很害怕。"),
        ("ko", "잠을 잘 수가 없어요."),
        ("th", "ฉันนอนไม่หลับ"),
    ],
)
def test_a_plain_sentence_is_told_by_its_language(language: str, text: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "🙂🙂🙂",
        "12 13 14 15 16 17",
        "Sí",
        "bonjour",
        "Mm-hmm, uh, yeah, okay, um",
        "lol omg wtf brb gtg smh",
        "asdf qwer zxcv uiop hjkl",
        "Slept badly, drank coffee, skipped breakfast, argued",
        "Alcohol, cocaine, heroin, marijuana, methadone, benzos",
        "Went fishing with dad Saturday morning",
        "My abuela said mi hijo and then I cried",
        "He said 你好 to me and I did not know what to say",
        "I’m not sure it’s what I’d want",
        "I DON'T KNOW WHAT YOU WANT FROM ME",
    ],
)
def test_doubt_is_english(text: str) -> None:
    assert detect(text) == "en"


@given(st.text())
def test_any_text_gets_a_known_code_and_the_same_one_twice(text: str) -> None:
    assert detect(text) in KNOWN
    assert detect(text) == detect(text)


@pytest.mark.parametrize("unit", ["sleep ", "schlafen ", "я ", "我", "\x00", "\ud800", "🙂"])
def test_a_megabyte_is_told_as_quickly_as_a_page(unit: str) -> None:
    assert len(detect(unit * 1_000_000)) == 2
