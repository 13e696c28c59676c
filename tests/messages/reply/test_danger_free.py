"""Free sentences of people in danger, and of people who only ask: the first are found, the second are no alarm."""

import pytest

from messages.reply import reads_as

FREE = {
    "nb": [
        "barna brenner inne",
        "huset brenner",
        "jeg kan ikke puste",
        "vannet stiger, vi er på taket",
        "hjelp, barna er inne i huset",
        "jeg vil dø",
        "Bilen vår er tatt av vannet",
        "Mamma falt og rører seg ikke",
        "Jeg får ikke kontakt med bestefar",
        "Det lukter gass og vi blir svimle",
        "Det er røyk i oppgangen",
        "Noen prøver å bryte seg inn",
        "Raset tok naboens hus",
        "Jeg orker ikke leve lenger",
        "Vi er omringet av flammer",
        "Han har falt i elva",
        "Sønnen min fikk krampe",
        "Jeg har så vondt i brystet",
        "Mannen min slår meg",
        "Vannet er inne i stua og det stiger",
        "Hun er gravid og vannet har gått",
    ],
    "nn": [
        "Låven brenn",
        "Mor mi fall og rører seg ikkje",
        "Eg får ikkje puste",
        "Vatnet stig og vi sit på taket",
        "Han fall i elva",
        "Det er røyk i huset",
        "Eg vil ikkje leve lenger",
        "Raset tok huset",
        "Borna er inne i huset, hjelp",
        "Nokon har våpen",
    ],
    "en": [
        "my baby stopped breathing",
        "someone has a gun",
        "The roof collapsed on us",
        "Water is up to my waist",
        "I smell gas and feel dizzy",
        "Dad fell and is not moving",
        "There is smoke in our flat",
        "Someone is breaking in",
        "I want to die",
        "We are on the roof, water rising",
        "My husband is beating me",
        "He has chest pain",
        "She is having a seizure",
        "The car was swept away",
    ],
    "ar": [
        "البيت يحترق",
        "الماء يرتفع ونحن على السطح",
        "لا أستطيع التنفس",
        "أريد أن أموت",
        "أمي وقعت ولا تتحرك",
        "يوجد دخان في البيت",
        "معه سلاح",
        "الأطفال داخل البيت",
        "زوجي يضربني",
        "نحن محاصرون",
    ],
    "ru": [
        "Дом горит",
        "Вода поднимается, мы на крыше",
        "Я не могу дышать",
        "Мама упала и не двигается",
        "У нас дым в подъезде",
        "У него пистолет",
        "Я не хочу жить",
        "Дети остались в доме",
        "Муж бьет меня",
        "Нас унесло водой",
    ],
    "uk": [
        "Будинок горить",
        "Вода піднімається, ми на даху",
        "Мама впала і не рухається",
        "У нас дим у квартирі",
        "У нього пістолет",
        "Я не хочу жити",
        "Діти залишилися в будинку",
        "Чоловік б'є мене",
        "Пахне газом",
        "Його винесло водою",
    ],
    "pl": [
        "Dom się pali",
        "Woda się podnosi, jesteśmy na dachu",
        "Nie mogę oddychać",
        "Mama upadła i się nie rusza",
        "Jest dym w mieszkaniu",
        "On ma broń",
        "Nie chcę żyć",
        "Dzieci są w środku",
        "Mąż mnie bije",
        "Czuć gaz",
    ],
    "so": [
        "Guriga ayaa gubanaya",
        "Biyuhu way kor u kacayaan, saqafka ayaan joognaa",
        "Ma neefsan karo",
        "Hooyo way dhacday mana dhaqaaqeyso",
        "Qiiq ayaa guriga ku jira",
        "Qof ayaa qori haysta",
        "Waxaan rabaa inaan dhinto",
        "Carruurtu guriga gudihiisa ayay ku jiraan",
        "Ninkaygu wuu i garaacaa",
        "Gaas ayaan urinayaa",
    ],
    "ti": [
        "ገዛ ይነድድ ኣሎ",
        "ማይ ይውስኽ ኣሎ ኣብ ናሕሲ ኣለና",
        "ክተንፍስ ኣይከኣልኩን",
        "ኣደይ ወዲቓ ኣይትንቀሳቐስን",
        "ትኪ ኣብ ገዛ ኣሎ",
        "ብረት ሒዙ ኣሎ",
        "ክመውት ደልየ",
        "ቆልዑ ኣብ ውሽጢ ገዛ ኣለዉ",
        "ሰብኣየይ ይወቅዓኒ ኣሎ",
        "ሽታ ጋዝ ኣሎ",
    ],
    "fa": [
        "خانه آتش گرفته",
        "آب بالا می آید ما روی بام هستیم",
        "نمی توانم نفس بکشم",
        "مادرم افتاده و تکان نمی خورد",
        "دود در خانه است",
        "او اسلحه دارد",
        "می خواهم بمیرم",
        "بچه ها داخل خانه هستند",
        "شوهرم مرا می زند",
        "بوی گاز می آید",
    ],
    "ku": [
        "Mal dişewite",
        "Av bilind dibe em li ser ban in",
        "Ez nikarim nefes bistînim",
        "Diya min ket û nalive",
        "Dûman di malê de heye",
        "Çeka wî heye",
        "Ez dixwazim bimirim",
        "Zarok di malê de ne",
        "Mêrê min li min dixe",
        "Bêhna gazê tê",
    ],
    "tr": [
        "Ev yanıyor",
        "Su yükseliyor çatıdayız",
        "Nefes alamıyorum",
        "Annem düştü hareket etmiyor",
        "Evde duman var",
        "Silahı var",
        "Ölmek istiyorum",
        "Çocuklar içeride kaldı",
        "Kocam beni dövüyor",
        "Gaz kokusu var",
    ],
}
EVERYDAY = [
    "brannstasjonen er stengt",
    "Brannvesenet kommer på tirsdag",
    "Er det lov å brenne bål?",
    "Når kommer vannet tilbake?",
    "Vannet er brunt",
    "Kan barna gå på skolen?",
    "Er skolen stengt i morgen?",
    "Barna er hjemme",
    "Taket lekker litt",
    "Jeg har våpenlov-kurs i dag",
    "Jeg puster lettet ut",
    "Vannstanden stiger sakte, sier nyhetene",
    "Skal vi holde barna inne?",
    "Barna leker inne i dag",
    "Is the school closed?",
    "Can children drink the water?",
    "The fire station is closed",
    "Is the water rising?",
    "We are safe, everyone at home",
    "When will the road open?",
    "Школа закрыта?",
    "Можно ли пить воду?",
    "Вода поднимается?",
    "Дети дома",
    "Держать детей дома?",
    "Школа закрита?",
    "Діти вдома",
    "Чи можна пити воду?",
    "هل المدرسة مغلقة؟",
    "هل يمكن شرب الماء؟",
    "الأطفال في البيت",
    "Czy szkoła jest zamknięta?",
    "Dzieci są w domu",
    "Czy można pić wodę?",
    "Okul kapalı mı?",
    "Su içilebilir mi?",
    "Çocuklar evde",
    "آیا مدرسه بسته است؟",
    "بچه ها در خانه هستند",
    "Dibistan girtî ye?",
    "Zarok li malê ne",
    "Iskuulku ma xiran yahay?",
    "Carruurtu guriga ayay joogaan",
    "ቤት ትምህርቲ ተዓጽዩ ድዩ",
    "ቆልዑ ኣብ ገዛ ኣለዉ",
    "Biyaha ma la cabbi karaa?",
    "Grillen brenner ikke",
    "Peisen brenner fint",
    "Kan vi fyre i ovnen?",
]
#: a false alarm costs a call, a missed one a life: these may be taken for danger
WEIGHED = ["Hva gjør vi hvis det brenner?", "Should we keep children inside?"]


@pytest.mark.parametrize(("language", "text"), [(language, text) for language, texts in FREE.items() for text in texts])
def test_what_people_in_danger_write_in_their_own_words(language: str, text: str) -> None:
    assert reads_as(text), language


@pytest.mark.parametrize("text", EVERYDAY)
def test_who_only_asks_raises_no_alarm(text: str) -> None:
    assert reads_as(text) == ()


@pytest.mark.parametrize("text", WEIGHED)
def test_a_false_alarm_is_weighed_and_known(text: str) -> None:
    assert reads_as(text)


#: the plainest sentence there is. Northern Sámi is missing: nobody here could write it with certainty
IN_DANGER = {
    "nb": "Barnet mitt er i fare",
    "nn": "Barnet mitt er i fare",
    "en": "My child is in danger",
    "ar": "طفلي في خطر",
    "so": "Ilmahaygu khatar buu ku jiraa",
    "uk": "Моя дитина в небезпеці",
    "pl": "Moje dziecko jest w niebezpieczeństwie",
    "tr": "Çocuğum tehlikede",
    "ru": "Мой ребёнок в опасности",
    "ckb": "منداڵەکەم لە مەترسیدایە",
    "fa": "کودک من در خطر است",
    "fa-AF": "طفلم در خطر است",
    "ps": "زما ماشوم په خطر کې دی",
    "ku": "Zarokê min di xeterê de ye",
    "am": "ልጄ አደጋ ላይ ነው",
    "ur": "میرا بچہ خطرے میں ہے",
    "lt": "Mano vaikas pavojuje",
    "ro": "Copilul meu este în pericol",
    "es": "Mi hijo está en peligro",
    "fr": "Mon enfant est en danger",
    "th": "ลูกของฉันตกอยู่ในอันตราย",
    "vi": "Con tôi đang gặp nguy hiểm",
    "my": "ကျွန်မရဲ့ ကလေး အန္တရာယ်ရှိတယ်",
    "sw": "Mtoto wangu yuko hatarini",
    "ti": "ደቀይ ኣብ ሓደጋ ኣሎ",
}


@pytest.mark.parametrize("language", IN_DANGER)
def test_a_child_in_danger_is_danger_in_every_language(language: str) -> None:
    assert reads_as(IN_DANGER[language])


@pytest.mark.parametrize(
    "text", ["neefta waa igu adag tahay", "Er det fare for barn?", "Is the danger over?"], ids=["breath", "asked", "over"]
)
def test_breath_is_danger_and_a_question_about_danger_is_none(text: str) -> None:
    assert bool(reads_as(text)) == text.startswith("neef")
