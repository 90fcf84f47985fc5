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
fn what_a_router_says_is_cut_to_a_line() {
    assert_eq!(words("My\r\n  Router\u{1b}[31m\t\u{7}!"), "My Router[31m !");
    assert_eq!(words(&"x".repeat(5000)).len(), MAX_ROUTER_WORDS);
}
