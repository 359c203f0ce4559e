//! Simulates 2 to 128 workers, and prints which cache lines delay them. If the argument names a file, also
//! draws the time per operation into that file.
//!
//! ```text
//! cargo run -p brigade-benches --example many_cores --release -- many-cores.svg
//! ```

use std::{env, fs, io};

use brigade_benches::{
    many_cores::{ASSUMPTIONS, LOOKS, OPERATIONS, Operation, simulate},
    report::{Line, digits, lines},
};

const WORKERS: [usize; 7] = [2, 4, 8, 16, 32, 64, 128];

fn main() -> io::Result<()> {
    println!("Simulated: how many nanoseconds a worker takes for one operation.\n\n{ASSUMPTIONS}");
    for (runtime, accesses, every) in LOOKS {
        println!("{runtime} polls the driver after {every} task polls. Accesses: {accesses}.");
    }
    let mut charts = String::new();
    // The operations come in pairs: brigade's operation, then tokio's.
    for (at, both) in OPERATIONS.chunks(2).enumerate() {
        let mut curves = Vec::new();
        print!("\n{:<54}", both[0].0);
        WORKERS.iter().for_each(|workers| print!("{workers:>7}"));
        for operation in both {
            let Operation(_, name, measured, _, accesses) = operation;
            let all = WORKERS.map(|workers| simulate(operation, workers));
            let [one, two] = measured.map(digits);
            let two = format!("; 2: {two} ns, simulated {}", digits(all[0].0 / 2.0));
            let two = if measured[1].is_nan() { "" } else { &two };
            print!("\n  {name:<8} {:<43}", format!("1: {one} ns{two}"));
            all.iter()
                .for_each(|(each, ..)| print!("{:>7}", digits(*each)));
            let full = all
                .iter()
                .zip(WORKERS)
                .find(|((.., share), _)| *share > 0.5);
            let full = full.map_or("none".to_owned(), |((_, line, _), workers)| {
                format!("{line}, with {workers} workers")
            });
            let (_, line, share) = all[6];
            print!("\n    {accesses}");
            print!(
                "\n    takes most of the time first: {full}; with 128 workers: {line}, {:.0} %",
                share * 100.0
            );
            let points = WORKERS
                .iter()
                .zip(all)
                .map(|(workers, all)| (*workers as f64, all.0));
            curves.push(Line {
                name,
                points: points.collect(),
            });
        }
        println!();
        let (x, y) = (at % 2 * 760, at / 2 * 340);
        let chart = lines(both[0].0, "ns per operation, by workers", &curves);
        charts += &format!("<g transform=\"translate({x} {y})\">\n{chart}</g>\n");
    }
    let Some(file) = env::args().nth(1) else {
        return Ok(());
    };
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1520 1020\" width=\"1520\" height=\"1020\">";
    fs::write(file, format!("{svg}\n{charts}</svg>\n"))
}
