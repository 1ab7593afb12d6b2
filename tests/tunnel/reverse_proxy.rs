//! A reverse proxy, as stands before most servers: it reads requests and sends its own, and passes only HTTP on.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// It passes requests on to one server.
pub(crate) struct ReverseProxy {
    pub(crate) authority: String,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
}

impl ReverseProxy {
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let tasks: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let all = Arc::clone(&tasks);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, tasks) = (server.clone(), Arc::clone(&all));
                let service = service_fn(move |request| pass(request, server.clone(), Arc::clone(&tasks)));
                let serving = async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    let _ = connection.with_upgrades().await;
                };
                all.lock().unwrap().push(tokio::spawn(serving).abort_handle());
            }
        });
        Self { authority, tasks }
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        for task in self.tasks.lock().unwrap().drain(..) {
            task.abort();
        }
    }
}

async fn pass(
    mut request: Request<Incoming>,
    server: String,
    tasks: Arc<Mutex<Vec<AbortHandle>>>,
) -> Result<Response<Body>, Infallible> {
    let stream = TcpStream::connect(&server).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connecting = tokio::spawn(async move {
        let _ = connection.with_upgrades().await;
    });
    tasks.lock().unwrap().push(connecting.abort_handle());
    let ours = hyper::upgrade::on(&mut request);
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(&server).unwrap());
    request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    let mut response = sender.send_request(request).await.unwrap();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let theirs = hyper::upgrade::on(&mut response);
        let copying = tokio::spawn(async move {
            let (ours, theirs) = tokio::join!(ours, theirs);
            let (mut ours, mut theirs) = (TokioIo::new(ours.unwrap()), TokioIo::new(theirs.unwrap()));
            let _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs).await;
        });
        tasks.lock().unwrap().push(copying.abort_handle());
    }
    Ok(response.map(Body::new))
}
