//! Step 3: consent that ends takes access away, and gives it back.

use anyhow::Result;

use super::super::stage::Stage;
use super::super::told;
use super::{AT_PRESS, IN_GALLERY, POSTER, PRINTS, REVOKE_GRACE, reads, shut_out};

pub(super) async fn cut(stage: &Stage) -> Result<()> {
    let (owner, member, reader) = (
        stage.looks.volume(PRINTS).await?,
        stage.looks.volume(AT_PRESS).await?,
        stage.looks.volume(IN_GALLERY).await?,
    );
    told::remark(&format!(
        "(Here after {} s without consent; the controller's flag --revoke-grace is 30s unless it is set.)",
        REVOKE_GRACE.as_secs()
    ));
    let annotate = "annotate pvc prints -n studio --overwrite tombolo.dev/shareToNamespace=";
    stage.kubectl(&format!("{annotate}nobody")).await?;
    let event = stage.looks.event(AT_PRESS, &["access has been cut"]);
    stage.expect("an event says so", event).await?;
    stage
        .expect(
            "the server refuses `press`, whose claim stays Bound",
            shut_out(stage, &member),
        )
        .await?;
    let read = reads(stage, &reader, POSTER);
    stage.expect("`gallery` notices nothing", read).await?;
    stage
        .expect("neither does the owner", reads(stage, &owner, POSTER))
        .await?;
    stage.kubectl(&format!("{annotate}press")).await?;
    let back = stage.looks.event(AT_PRESS, &["consent is given again"]);
    stage.expect("consent comes back, and access with it", back).await?;
    let read = reads(stage, &member, POSTER);
    stage.expect("at the same path", read).await
}
