use super::*;

#[tokio::test]
async fn without_anything_to_open_it_does_nothing_and_ends_at_once() {
    let (mapper, mut ports) = PortMapper::start();
    let transport = Transport::Tcp;
    let address = SocketAddr::from(([127, 0, 0, 1], 4801));
    mapper.set(vec![Endpoint { transport, address }], Vec::new());
    mapper.close().await;
    assert_eq!(*ports.borrow_and_update(), Ports::default());
    assert!(ports.changed().await.is_err());
}

#[test]
fn a_mapping_is_shown_with_the_seconds_that_are_left() {
    let now = Instant::now();
    let mapping = Mapping {
        transport: Transport::Quic,
        internal: SocketAddr::from(([192, 168, 1, 10], 4801)),
        external: SocketAddr::from(([8, 8, 8, 8], 5000)),
        expires: now + std::time::Duration::from_secs(90),
    };
    let view = mapping.view(now);
    assert_eq!(
        (view.internal, view.external, view.expires),
        (
            "192.168.1.10:4801".to_owned(),
            "8.8.8.8:5000".to_owned(),
            90
        )
    );
    let later = now + std::time::Duration::from_secs(91);
    assert_eq!(mapping.view(later).expires, 0);
}

#[test]
fn what_a_router_says_is_cut_to_a_line() {
    assert_eq!(words("My\r\n  Router\u{1b}[31m\t\u{7}!"), "My Router[31m !");
    assert_eq!(words(&"x".repeat(5000)).len(), MAX_ROUTER_WORDS);
}
