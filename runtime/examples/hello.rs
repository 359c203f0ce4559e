//! Two tasks on one thread: while one waits, the other runs.
//!
//! ```console
//! $ cargo run -p brigade --example hello
//! ```

use std::time::Duration;

use brigade::time::sleep;

fn main() {
    brigade::run(async {
        let hello = brigade::spawn(async {
            for word in ["hello", "from", "brigade"] {
                println!("{word}");
                sleep(Duration::from_millis(100)).await;
            }
        });
        let meanwhile = brigade::spawn(async {
            sleep(Duration::from_millis(50)).await;
            println!("  (and something else runs in between)");
            6 * 7
        });
        hello.await.expect("no panic");
        println!("the answer is {}", meanwhile.await.expect("no panic"));
    });
}
