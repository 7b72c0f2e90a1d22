//! The fuzz targets as plain tests, over the corpus that is checked in.

#![allow(missing_docs, clippy::unwrap_used)]

mod doors;

use doors::{calls, certificate, client_hello, handshake, pem, play_corpus, records, seeds, tickets};

#[test]
fn any_calls_in_any_order_are_answered_as_the_header_says() {
    play_corpus("calls", calls::play);
}

#[test]
fn any_bytes_end_a_handshake_as_the_header_says() {
    play_corpus("handshake", handshake::play);
}

#[test]
fn a_client_hello_is_read_as_rustls_reads_it() {
    play_corpus("client_hello", client_hello::play);
}

#[test]
fn no_text_of_a_host_is_repeated_and_no_block_is_lost() {
    play_corpus("pem", pem::play);
}

#[test]
fn any_bytes_have_the_facts_of_a_certificate_or_none() {
    play_corpus("certificate", certificate::play);
}

#[test]
fn records_of_a_peer_with_the_keys_mean_what_the_rfcs_say() {
    play_corpus("records", records::play);
}

#[test]
fn a_ticket_that_is_not_ours_means_a_full_handshake() {
    play_corpus("tickets", tickets::play);
}

/// What the scenarios are made of does not change from run to run, so neither do the files; `make fuzz-seeds` writes them.
#[test]
fn the_seeds_are_those_of_the_scenarios() {
    seeds::check();
}
