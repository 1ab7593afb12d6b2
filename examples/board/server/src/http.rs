//! The pages and the REST interface, by axum.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use board_contract::{BoardClient, Task};
use jidda::Server;
use serde::Serialize;

use crate::boards::Boards;

/// What is shown of a board.
#[derive(Serialize)]
struct Overview {
    tasks: Vec<Task>,
    online: usize,
}

pub(crate) fn router(server: &Server, boards: Boards) -> Router {
    Router::new().route("/boards/{board}", get(overview)).with_state((server.clone(), boards))
}

async fn overview(
    State((server, boards)): State<(Server, Boards)>,
    Path(board): Path<String>,
) -> Result<Json<Overview>, StatusCode> {
    let namespace = BoardClient::namespace(&board).map_err(|_| StatusCode::NOT_FOUND)?;
    let online = server.of(&namespace).count();
    Ok(Json(Overview { tasks: boards.tasks(&board), online }))
}
