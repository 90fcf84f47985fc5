use super::*;

const V1: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
const V0: &str = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";
const KEY: &str = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";

fn parse(text: &str) -> Link {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn check(text: &str, cid: &str, path: &[&str], filename: Option<&str>, providers: usize) {
    let mut link = parse(text);
    assert_eq!(link.cid.to_string(), cid, "{text:?}");
    assert_eq!(link.path, path, "{text:?}");
    assert_eq!(link.filename.as_deref(), filename, "{text:?}");
    assert_eq!(link.providers.len(), providers, "{text:?}");
    link.otherwise = None;
    assert_eq!(link.to_string().parse(), Ok(link), "{text:?}");
}

#[test]
fn every_form_that_people_have_is_read() {
    check(V1, V1, &[], None, 0);
    check(&format!("  {V0}\n"), V0, &[], None, 0);
    check(&format!("ipfs:{V1}"), V1, &[], None, 0);
    check(&format!("IPFS://{V0}/a%20b"), V0, &["a b"], None, 0);
    let named = format!("ipfs://{V1}?filename=a%26b.txt");
    check(&named, V1, &[], Some("a&b.txt"), 0);
    let hinted = format!(
        "ipfs://{V1}/x?filename=1+1&provider=/ip4/127.0.0.1/tcp/1&provider=nonsense&provider=%2Fip4%2F127.0.0.1%2Fudp%2F1%2Fquic-v1"
    );
    check(&hinted, V1, &["x"], Some("1+1"), 2);
    let escaped = format!("https://ipfs.io/ipfs/{V0}/a%2Fb?filename=n");
    check(&escaped, V0, &["a/b"], Some("n"), 0);
    let local = format!("http://{V1}.ipfs.localhost:8080/a//./b");
    check(&local, V1, &["a", "b"], None, 0);
}

#[test]
fn an_address_is_found_wherever_it_stands() {
    for form in [
        "ipfs:CID",
        "ipfs:/CID",
        "ipfs:///CID",
        "ipfs://ipfs/CID",
        "ipfs:/ipfs/CID",
        "web+ipfs://CID",
        "dweb:/ipfs/CID",
        "dweb://ipfs/CID",
        "Ipfs://CID",
        "/ipfs/CID",
        "ipfs/CID",
        "/IPFS/CID",
        "/gateway/ipfs/CID",
        "ipfs.io/ipfs/CID",
        "localhost:8080/ipfs/CID",
        "127.0.0.1:8080/ipfs/CID/",
        "//ipfs.io/ipfs/CID",
        "CID.ipfs.dweb.link",
        "CID.ipfs.dweb.link/",
        "https://CID.ipfs.dweb.link",
        "https://me@CID.ipfs.dweb.link:8443/?x=y",
        "https://ipfs.example.org/ipfs/CID#top",
        "https://example.org/gw/ipfs/CID",
        "https://example.org/a/b/c/ipfs/CID",
        "https://docs.ipfs.example.org/ipfs/CID",
        "https://example.org/CID",
        "https://share.ipfs.io/#/CID",
        "https://example.org/#CID",
        "https://example.org/#!/ipfs/CID",
        "http://127.0.0.1:5001/webui/#/ipfs/CID",
        "https://explore.ipld.io/#/explore/CID",
        "https://dweb.link/ipfs/?uri=ipfs%3A%2F%2FCID",
        "http://127.0.0.1:5001/api/v0/cat?arg=/ipfs/CID",
        "https://example.org/open?link=https%3A%2F%2Fipfs.io%2Fipfs%2FCID",
        "ipfs%3A%2F%2FCID",
    ] {
        for cid in [V0, V1] {
            check(&form.replace("CID", cid), cid, &[], None, 0);
        }
    }
    // Phones make the first letter of a text large.
    check(&format!("B{}", &V1[1..]), V1, &[], None, 0);
    check(&V1.to_uppercase(), V1, &[], None, 0);
}

#[test]
fn what_stands_around_a_link_is_left_out() {
    for text in [
        "<ipfs://CID>",
        "(ipfs://CID)",
        "\"ipfs://CID\"",
        "'ipfs://CID'",
        "`ipfs://CID`",
        "“ipfs://CID”",
        "„ipfs://CID“",
        "«ipfs://CID»",
        "(<ipfs://CID>).",
        "ipfs://CID.",
        "ipfs://CID,",
        "ipfs://CID!?…",
        "ipfs://CID)",
        "<ipfs://CID",
        "**ipfs://CID**",
        "_ipfs://CID_",
        "<CID>",
        "'CID'",
        "CID.",
        "(CID)!",
        "<https://dweb.link/ipfs/CID>",
        "https://CID.ipfs.dweb.link.",
        "[photos](ipfs://CID)",
        "[photos](https://ipfs.io/ipfs/CID), and more",
        "Here it is: ipfs://CID. Enjoy!",
        "Here it is: ipfs://CID\nEnjoy!",
        "ipfs://CID Enjoy!",
        "(see <https://dweb.link/ipfs/CID>)",
        "链接：ipfs://CID。请打开",
        "<a href=\"ipfs://CID\">photos</a>",
        "first ipfs://CID then ipfs://bafkqaaa",
        "ipfs://CID\nipfs://bafkqaaa",
    ] {
        for cid in [V0, V1] {
            check(&text.replace("CID", cid), cid, &[], None, 0);
        }
    }
    let named = format!("Here are the photos: ipfs://{V1}?filename=Photos. Enjoy!");
    check(&named, V1, &[], Some("Photos"), 0);
    check(
        &format!("ipfs://{V1}?filename=a(1)"),
        V1,
        &[],
        Some("a(1)"),
        0,
    );
}

#[test]
fn a_mail_breaks_lines_anywhere() {
    for whole in [
        format!("ipfs://{V1}"),
        V1.to_owned(),
        V0.to_owned(),
        format!("https://ipfs.io/ipfs/{V1}"),
    ] {
        let cid = if whole.ends_with(V0) { V0 } else { V1 };
        for at in [1, 3, 9, 20, whole.len() - 1] {
            let (one, two) = whole.split_at(at);
            for mark in ["\n", "\r\n", " \r\n  ", "\n> ", "\n> > ", "\n\t"] {
                check(&format!("{one}{mark}{two}"), cid, &[], None, 0);
            }
        }
    }
    let (one, two) = V1.split_at(30);
    check(
        &format!("See\n<ipfs://{one}\n{two}?filename=x>\nBye"),
        V1,
        &[],
        Some("x"),
        0,
    );
    check(
        &format!("ipfs://{one}\u{ad}{two}\u{200b}"),
        V1,
        &[],
        None,
        0,
    );
    let link = parse(&format!("ipfs://{V1}/long%20na\nme.txt"));
    assert_eq!(link.path, ["long name.txt"]);
    let link = parse(&format!("ipfs://{V1}/a.txt\nBye"));
    assert_eq!(link.otherwise, Some(vec!["a.txt".to_owned()]));
}

#[test]
fn a_path_is_literal_and_a_url_is_escaped() {
    let odd = "what?.txt";
    for form in ["/ipfs/CID/what?.txt", "ipfs/CID/what?.txt", "CID/what?.txt"] {
        check(&form.replace("CID", V0), V0, &[odd], None, 0);
    }
    for form in [
        "ipfs://CID/what%3F.txt",
        "dweb:/ipfs/CID/what%3F.txt?x#y",
        "https://ipfs.io/ipfs/CID/what%3f.txt#part",
        "ipfs.io/ipfs/CID/what%3F.txt",
        "https://example.org/#/ipfs/CID/what%3F.txt",
    ] {
        check(&form.replace("CID", V0), V0, &[odd], None, 0);
    }
    for name in [
        "c%20d", "a#b", "50%", "a+b", "a&b=c", "x.", "(x)", "'x'", "\"x\"", "x ", "a\\b", "?", "#",
        "%", "a b",
    ] {
        let path = format!("/ipfs/{V1}/a b/{name}");
        let mut link = parse(&path);
        assert_eq!(link.path, ["a b", name]);
        let otherwise = link.otherwise.take().and_then(|mut path| path.pop());
        assert_eq!(otherwise.as_deref(), (name == "x ").then_some("x"));
        assert_eq!(link.to_string().parse(), Ok(link), "{name}");
    }
    check(&format!("{V1}?filename=x"), V1, &[], Some("x"), 0);
    check(&format!("/ipfs/{V1}/a/../b/."), V1, &["b"], None, 0);
}

#[test]
fn a_name_may_end_as_a_sentence_does() {
    let link = parse(&format!("ipfs://{V1}/a%20b.txt."));
    assert_eq!(link.path, ["a b.txt."]);
    assert_eq!(link.otherwise, Some(vec!["a b.txt".to_owned()]));
    let link = parse(&format!("(https://ipfs.io/ipfs/{V1}/a(1).txt)"));
    assert_eq!(
        (link.path, link.otherwise),
        (vec!["a(1).txt".to_owned()], None)
    );
    for end in ENDS {
        let link = Link {
            path: vec![format!("Really{end}")],
            ..parse(V1)
        };
        assert_eq!(link.to_string().parse(), Ok(link.clone()), "{link}");
        let named = Link {
            filename: Some(format!("Really{end}")),
            ..parse(V1)
        };
        assert_eq!(named.to_string().parse(), Ok(named.clone()), "{named}");
    }
}

#[test]
fn every_byte_of_a_name_stays() {
    let link = parse(&format!("ipfs://{V1}/caf%E9.txt?filename=%E8"));
    assert_eq!(link.path, ["caf\u{fffd}E9.txt"]);
    assert_eq!(link.name(), "\u{fffd}E8");
    assert_eq!(
        link.to_string(),
        format!("ipfs://{V1}/caf%E9.txt?filename=%E8")
    );
}

#[test]
fn what_is_no_link_says_why() {
    let kind = |text: &str| {
        let error = text.parse::<Link>().expect_err(text);
        assert!(!error.to_string().contains("\"\""), "{error}");
        error.kind()
    };
    for (text, expected) in [
        (" ", BadLink::NoLink),
        ("hello", BadLink::NoLink),
        ("é", BadLink::NoLink),
        ("holiday photos", BadLink::NoLink),
        ("hello.txt", BadLink::NoLink),
        ("/home/me/file", BadLink::NoLink),
        ("https://example.org/", BadLink::WebPage),
        ("https://", BadLink::WebPage),
        ("https://docs.ipfs.tech/concepts", BadLink::WebPage),
        ("ipns://docs.ipfs.tech", BadLink::Name),
        ("/ipns/docs.ipfs.tech/x", BadLink::Name),
        ("ipfs://docs.ipfs.tech", BadLink::Name),
        ("https://ipfs.io/ipns/docs.ipfs.tech", BadLink::Name),
        (&format!("https://{V1}.ipns.dweb.link/"), BadLink::Name),
        (KEY, BadLink::Name),
        (&format!("ipfs://{KEY}"), BadLink::Name),
        (&format!("https://ipfs.io/ipfs/{KEY}"), BadLink::Name),
        (
            "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
            BadLink::Name,
        ),
        (&V0.to_lowercase(), BadLink::SmallLetters),
        (
            &format!("ipfs://{}", V0.to_lowercase()),
            BadLink::SmallLetters,
        ),
        (
            &format!("https://ipfs.io/ipfs/{}", V0.to_lowercase()),
            BadLink::SmallLetters,
        ),
        (
            &format!("https://{}.ipfs.dweb.link", V0.to_lowercase()),
            BadLink::SmallLetters,
        ),
        ("ipfs://", BadLink::CutOff),
        (&format!("ipfs://{}", &V1[..40]), BadLink::CutOff),
        (&format!("ipfs://{}", &V1[..39]), BadLink::CutOff),
        (&V1[..40], BadLink::CutOff),
        (&V0[..30], BadLink::CutOff),
        (&format!("ipfs://{V1}aaaa"), BadLink::Mistyped),
        (
            &format!("ipfs://{}!{}", &V1[..20], &V1[21..]),
            BadLink::Mistyped,
        ),
        (&format!("ipfs://{V1}/../../etc"), BadLink::Outside),
        (
            &format!("https://x.org/ipfs/{V1}/%2e%2e/%2E%2E"),
            BadLink::Outside,
        ),
        // dag-cbor
        (
            "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
            BadLink::Unknown,
        ),
        (&"x".repeat(MAX_LINK_BYTES + 1), BadLink::TooLong),
    ] {
        assert_eq!(kind(text), expected, "{text:?}");
    }
}

#[test]
fn a_name_is_suggested() {
    let name = |text: &str| parse(text).name();
    assert_eq!(name(V1), V1);
    assert_eq!(name(&format!("{V1}/a/b.txt")), "b.txt");
    assert_eq!(name(&format!("ipfs://{V1}/a/b.txt?filename=c")), "c");
    assert_eq!(name(&format!("ipfs://{V1}/a/b.txt.")), "b.txt");
    assert_eq!(parse(V1).own_name(), None);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC*", path in "[ -~é\\n]{0,40}") {
        let _ = text.parse::<Link>();
        for start in ["ipfs://", "https://x.org/ipfs/", "/ipfs/", "<"] {
            let _ = format!("{start}{V1}{path}").parse::<Link>();
        }
    }

    #[test]
    fn what_is_written_is_read(path in proptest::collection::vec("[^/\\x00]{1,12}", 0..4), filename in proptest::option::of("[^/\\x00]{1,12}")) {
        let path: Vec<String> = path.into_iter().filter(|name| name != "." && name != "..").collect();
        let link = Link { path, filename, ..parse(V1) };
        proptest::prop_assert_eq!(link.to_string().parse(), Ok(link));
    }
}
