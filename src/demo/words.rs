//! What the demo's people, places and companies are called. Companies live under `.example`, which belongs to nobody.

/// Where someone or something is from; it decides names, cities and spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Culture {
    /// English-speaking countries.
    English,
    /// German-speaking countries.
    German,
    /// China.
    Chinese,
}

/// How often each is met.
pub const CULTURES: &[(Culture, u64)] =
    &[(Culture::English, 62), (Culture::German, 22), (Culture::Chinese, 16)];

/// A city with its state, country, postal prefix and dialling code.
#[derive(Clone, Copy, Debug)]
pub struct City {
    /// Its name.
    pub name: &'static str,
    /// Its state or province.
    pub state: &'static str,
    /// Its country.
    pub country: &'static str,
    /// How its postal codes begin.
    pub postal: &'static str,
    /// How its telephone numbers begin.
    pub phone: &'static str,
}

const fn city(
    name: &'static str,
    state: &'static str,
    country: &'static str,
    postal: &'static str,
    phone: &'static str,
) -> City {
    City { name, state, country, postal, phone }
}

const ENGLISH_CITIES: &[City] = &[
    city("New York", "NY", "United States", "100", "+1 212"),
    city("Boston", "MA", "United States", "021", "+1 617"),
    city("Chicago", "IL", "United States", "606", "+1 312"),
    city("Austin", "TX", "United States", "787", "+1 512"),
    city("Denver", "CO", "United States", "802", "+1 303"),
    city("Seattle", "WA", "United States", "981", "+1 206"),
    city("San Francisco", "CA", "United States", "941", "+1 415"),
    city("Atlanta", "GA", "United States", "303", "+1 404"),
    city("Toronto", "ON", "Canada", "M5H ", "+1 416"),
    city("Vancouver", "BC", "Canada", "V6B ", "+1 604"),
    city("London", "Greater London", "United Kingdom", "EC2A ", "+44 20"),
    city("Manchester", "Greater Manchester", "United Kingdom", "M1 ", "+44 161"),
    city("Dublin", "Leinster", "Ireland", "D02 ", "+353 1"),
    city("Sydney", "NSW", "Australia", "20", "+61 2"),
];

const GERMAN_CITIES: &[City] = &[
    city("Berlin", "Berlin", "Germany", "101", "+49 30"),
    city("Hamburg", "Hamburg", "Germany", "203", "+49 40"),
    city("München", "Bayern", "Germany", "803", "+49 89"),
    city("Köln", "Nordrhein-Westfalen", "Germany", "506", "+49 221"),
    city("Stuttgart", "Baden-Württemberg", "Germany", "701", "+49 711"),
    city("Leipzig", "Sachsen", "Germany", "041", "+49 341"),
    city("Nürnberg", "Bayern", "Germany", "904", "+49 911"),
    city("Wien", "Wien", "Austria", "10", "+43 1"),
    city("Graz", "Steiermark", "Austria", "80", "+43 316"),
    city("Zürich", "Zürich", "Switzerland", "80", "+41 44"),
];

const CHINESE_CITIES: &[City] = &[
    city("上海", "上海", "China", "2000", "+86 21"),
    city("北京", "北京", "China", "1000", "+86 10"),
    city("深圳", "广东", "China", "5180", "+86 755"),
    city("广州", "广东", "China", "5100", "+86 20"),
    city("杭州", "浙江", "China", "3100", "+86 571"),
    city("成都", "四川", "China", "6100", "+86 28"),
    city("苏州", "江苏", "China", "2150", "+86 512"),
    city("武汉", "湖北", "China", "4300", "+86 27"),
];

/// A word with how it is written in an address.
pub type Word = (&'static str, &'static str);

const ENGLISH_FIRST: &[Word] = &[
    ("Olivia", "olivia"),
    ("James", "james"),
    ("Amelia", "amelia"),
    ("Noah", "noah"),
    ("Grace", "grace"),
    ("Henry", "henry"),
    ("Priya", "priya"),
    ("Marcus", "marcus"),
    ("Hannah", "hannah"),
    ("Owen", "owen"),
    ("Zoe", "zoe"),
    ("Daniel", "daniel"),
    ("Naomi", "naomi"),
    ("Theo", "theo"),
    ("Elena", "elena"),
    ("Caleb", "caleb"),
    ("Ruth", "ruth"),
    ("Simon", "simon"),
    ("Maya", "maya"),
    ("Patrick", "patrick"),
    ("Ivy", "ivy"),
    ("Samuel", "samuel"),
    ("Fiona", "fiona"),
    ("Andre", "andre"),
    ("Claire", "claire"),
    ("Victor", "victor"),
    ("Joy", "joy"),
    ("Leon", "leon"),
    ("Tessa", "tessa"),
    ("Rashid", "rashid"),
    ("Miriam", "miriam"),
];

const ENGLISH_LAST: &[Word] = &[
    ("Bennett", "bennett"),
    ("Carver", "carver"),
    ("Okafor", "okafor"),
    ("Sullivan", "sullivan"),
    ("Reyes", "reyes"),
    ("Whitman", "whitman"),
    ("Patel", "patel"),
    ("Hughes", "hughes"),
    ("Nakamura", "nakamura"),
    ("Foster", "foster"),
    ("O'Brien", "obrien"),
    ("Lindqvist", "lindqvist"),
    ("Marsh", "marsh"),
    ("Delgado", "delgado"),
    ("Thornton", "thornton"),
    ("Kowalski", "kowalski"),
    ("Price", "price"),
    ("Abbott", "abbott"),
    ("Singh", "singh"),
    ("Fraser", "fraser"),
    ("Moreau", "moreau"),
    ("Hale", "hale"),
    ("Osborne", "osborne"),
    ("Vance", "vance"),
    ("Quinn", "quinn"),
    ("Barlow", "barlow"),
    ("Santos", "santos"),
    ("Keller", "keller"),
    ("Doyle", "doyle"),
];

const GERMAN_FIRST: &[Word] = &[
    ("Anna", "anna"),
    ("Lukas", "lukas"),
    ("Sabine", "sabine"),
    ("Jürgen", "juergen"),
    ("Katharina", "katharina"),
    ("Felix", "felix"),
    ("Ute", "ute"),
    ("Matthias", "matthias"),
    ("Friederike", "friederike"),
    ("Jörg", "joerg"),
    ("Heike", "heike"),
    ("Tobias", "tobias"),
    ("Änne", "aenne"),
    ("Stefan", "stefan"),
    ("Petra", "petra"),
    ("Moritz", "moritz"),
    ("Birgit", "birgit"),
    ("Klaus", "klaus"),
    ("Leonie", "leonie"),
];

const GERMAN_LAST: &[Word] = &[
    ("Schäfer", "schaefer"),
    ("Müller", "mueller"),
    ("Weiß", "weiss"),
    ("Hoffmann", "hoffmann"),
    ("Krüger", "krueger"),
    ("Vogel", "vogel"),
    ("Brandt", "brandt"),
    ("Lehmann", "lehmann"),
    ("Böhm", "boehm"),
    ("Seidel", "seidel"),
    ("Jäger", "jaeger"),
    ("Winter", "winter"),
    ("Großmann", "grossmann"),
    ("Peters", "peters"),
    ("Franke", "franke"),
    ("Kühn", "kuehn"),
    ("Ebert", "ebert"),
];

const CHINESE_GIVEN: &[Word] = &[
    ("伟", "wei"),
    ("芳", "fang"),
    ("娜", "na"),
    ("敏", "min"),
    ("静", "jing"),
    ("丽", "li"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("军", "jun"),
    ("洋", "yang"),
    ("艳", "yan"),
    ("勇", "yong"),
    ("杰", "jie"),
    ("涛", "tao"),
    ("明", "ming"),
    ("雪梅", "xuemei"),
    ("志远", "zhiyuan"),
    ("晓东", "xiaodong"),
    ("思雨", "siyu"),
];

const CHINESE_FAMILY: &[Word] = &[
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("黄", "huang"),
    ("赵", "zhao"),
    ("吴", "wu"),
    ("周", "zhou"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("马", "ma"),
    ("朱", "zhu"),
    ("胡", "hu"),
    ("郭", "guo"),
    ("何", "he"),
];

const ENGLISH_ROOTS: &[Word] = &[
    ("Harbor", "harbor"),
    ("Silverline", "silverline"),
    ("Redwood", "redwood"),
    ("Bluepeak", "bluepeak"),
    ("Copperfield", "copperfield"),
    ("Evergreen", "evergreen"),
    ("Lakeshore", "lakeshore"),
    ("Granite", "granite"),
    ("Meridian Bay", "meridianbay"),
    ("Oakhurst", "oakhurst"),
    ("Pinecrest", "pinecrest"),
    ("Ridgeway", "ridgeway"),
    ("Sandstone", "sandstone"),
    ("Tidewater", "tidewater"),
    ("Willowbrook", "willowbrook"),
    ("Ironbridge", "ironbridge"),
    ("Fairmont Hill", "fairmonthill"),
    ("Goldfinch", "goldfinch"),
    ("Juniper", "juniper"),
    ("Kingsley", "kingsley"),
    ("Larkspur", "larkspur"),
    ("Maplewood", "maplewood"),
    ("Nightingale", "nightingale"),
    ("Osprey", "osprey"),
    ("Quayside", "quayside"),
    ("Stonegate", "stonegate"),
    ("Thistle", "thistle"),
    ("Upland", "upland"),
    ("Wavecrest", "wavecrest"),
    ("Yarrow", "yarrow"),
    ("Ashford Mill", "ashfordmill"),
];

const GERMAN_ROOTS: &[Word] = &[
    ("Nordlicht", "nordlicht"),
    ("Alpenblick", "alpenblick"),
    ("Elbtal", "elbtal"),
    ("Rheinwerk", "rheinwerk"),
    ("Schwarzwald", "schwarzwald"),
    ("Hansa", "hansa"),
    ("Isarufer", "isarufer"),
    ("Grünau", "gruenau"),
    ("Steinbach", "steinbach"),
    ("Lindenhof", "lindenhof"),
    ("Kranich", "kranich"),
    ("Falkensee", "falkensee"),
    ("Weißenburg", "weissenburg"),
    ("Morgenstern", "morgenstern"),
    ("Bergmann & Söhne", "bergmann-soehne"),
    ("Ostsee", "ostsee"),
    ("Donautal", "donautal"),
];

const CHINESE_ROOTS: &[Word] = &[
    ("云帆", "yunfan"),
    ("华晨", "huachen"),
    ("瑞丰", "ruifeng"),
    ("天诚", "tiancheng"),
    ("星海", "xinghai"),
    ("恒达", "hengda"),
    ("东岳", "dongyue"),
    ("金桥", "jinqiao"),
    ("博远", "boyuan"),
    ("润泽", "runze"),
    ("启明", "qiming"),
    ("盛世", "shengshi"),
    ("汇通", "huitong"),
    ("青松", "qingsong"),
    ("长风", "changfeng"),
    ("鼎新", "dingxin"),
    ("安泰", "antai"),
];

/// What a company does: its word, how it is written in an address, and the value of `industry`.
pub type Trade = (&'static str, &'static str, &'static str);

const ENGLISH_TRADES: &[Trade] = &[
    ("Analytics", "analytics", "technology"),
    ("Software", "software", "technology"),
    ("Cloud Systems", "cloud", "technology"),
    ("Robotics", "robotics", "technology"),
    ("Capital", "capital", "finance"),
    ("Insurance Group", "insurance", "finance"),
    ("Manufacturing", "manufacturing", "manufacturing"),
    ("Precision Parts", "parts", "manufacturing"),
    ("Outfitters", "outfitters", "retail"),
    ("Grocers", "grocers", "retail"),
    ("Health Partners", "health", "healthcare"),
    ("Diagnostics", "diagnostics", "healthcare"),
    ("Learning", "learning", "education"),
    ("Properties", "properties", "real_estate"),
    ("Energy", "energy", "energy"),
    ("Advisory", "advisory", "consulting"),
    ("Logistics", "logistics", "other"),
];

const GERMAN_TRADES: &[Trade] = &[
    ("Maschinenbau", "maschinenbau", "manufacturing"),
    ("Werkzeugtechnik", "werkzeugtechnik", "manufacturing"),
    ("Software", "software", "technology"),
    ("Datentechnik", "datentechnik", "technology"),
    ("Versicherung", "versicherung", "finance"),
    ("Handel", "handel", "retail"),
    ("Medizintechnik", "medizintechnik", "healthcare"),
    ("Immobilien", "immobilien", "real_estate"),
    ("Energie", "energie", "energy"),
    ("Beratung", "beratung", "consulting"),
    ("Spedition", "spedition", "other"),
    ("Akademie", "akademie", "education"),
    ("Automation", "automation", "technology"),
];

const CHINESE_TRADES: &[Trade] = &[
    ("科技", "keji", "technology"),
    ("软件", "ruanjian", "technology"),
    ("网络", "wangluo", "technology"),
    ("智能制造", "zhizao", "manufacturing"),
    ("电子", "dianzi", "manufacturing"),
    ("金融服务", "jinrong", "finance"),
    ("商贸", "shangmao", "retail"),
    ("医疗", "yiliao", "healthcare"),
    ("教育", "jiaoyu", "education"),
    ("地产", "dichan", "real_estate"),
    ("新能源", "nengyuan", "energy"),
    ("咨询", "zixun", "consulting"),
    ("物流", "wuliu", "other"),
];

const ENGLISH_FORMS: &[&str] = &["Inc.", "LLC", "Ltd.", "Group", "Co."];
const GERMAN_FORMS: &[&str] = &["GmbH", "AG", "KG", "GmbH & Co. KG"];

/// What people of a company do: title, department, value of `level`, whether they decide.
pub type Job = (&'static str, &'static str, &'static str, bool);

/// Jobs, by how often they are met.
pub const JOBS: &[(Job, u64)] = &[
    (("Chief Executive Officer", "Management", "c_level", true), 5),
    (("Chief Technology Officer", "Technology", "c_level", true), 6),
    (("Chief Financial Officer", "Finance", "c_level", true), 4),
    (("VP Operations", "Operations", "vp", true), 7),
    (("VP Sales", "Sales", "vp", true), 6),
    (("Director of IT", "Technology", "director", true), 12),
    (("Director of Procurement", "Procurement", "director", true), 9),
    (("Marketing Manager", "Marketing", "manager", false), 12),
    (("Project Manager", "Operations", "manager", false), 13),
    (("Buyer", "Procurement", "individual_contributor", false), 12),
    (("Systems Engineer", "Technology", "individual_contributor", false), 14),
];

/// The tables of one culture.
pub struct Words {
    /// Given names.
    pub first: &'static [Word],
    /// Family names.
    pub last: &'static [Word],
    /// What company names begin with.
    pub roots: &'static [Word],
    /// What companies do.
    pub trades: &'static [Trade],
    /// What company names end with.
    pub forms: &'static [&'static str],
    /// Where they are.
    pub cities: &'static [City],
    /// Streets.
    pub streets: &'static [&'static str],
}

/// The tables of a culture. The lengths of `first` and `last`, and of `roots` and `trades`, have no common divisor, so
/// counting through both at once meets every pair before any comes again.
pub const fn words(culture: Culture) -> Words {
    match culture {
        Culture::English => Words {
            first: ENGLISH_FIRST,
            last: ENGLISH_LAST,
            roots: ENGLISH_ROOTS,
            trades: ENGLISH_TRADES,
            forms: ENGLISH_FORMS,
            cities: ENGLISH_CITIES,
            streets: &[
                "Market Street",
                "Mill Road",
                "Harbour View",
                "Fifth Avenue",
                "Station Road",
                "Park Lane",
            ],
        },
        Culture::German => Words {
            first: GERMAN_FIRST,
            last: GERMAN_LAST,
            roots: GERMAN_ROOTS,
            trades: GERMAN_TRADES,
            forms: GERMAN_FORMS,
            cities: GERMAN_CITIES,
            streets: &[
                "Hauptstraße",
                "Bahnhofstraße",
                "Lindenallee",
                "Goethestraße",
                "Am Markt",
                "Schlossweg",
            ],
        },
        Culture::Chinese => Words {
            first: CHINESE_GIVEN,
            last: CHINESE_FAMILY,
            roots: CHINESE_ROOTS,
            trades: CHINESE_TRADES,
            forms: &["有限公司", "股份有限公司"],
            cities: CHINESE_CITIES,
            streets: &["人民路", "中山路", "建设路", "解放大道", "科技园路"],
        },
    }
}
