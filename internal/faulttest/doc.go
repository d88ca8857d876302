// Package faulttest is the fault suite: it publishes numbered documents through the
// real program, a real Mosquitto and a real OpenSearch, breaks one of them in the
// middle, and counts exactly what is stored. It has tests only, behind the build tag
// "integration".
//
// # What is counted
//
// A tap between the program and its broker reads which numbers the program has
// acknowledged. Every one of them must be in the index once, or in the dead letters with
// a reason. Where the broker was not at fault, that holds for every number that was
// published; where it was, a witness, a subscriber beside the program tells what the broker
// itself has lost. A fake Docker Hub gives each answer a number of its own, so that the
// same is known of the program's own snapshots, in history and in the index. And the
// program must recover by itself: it is started again only where it was killed.
//
// # Other brokers
//
// TestBrokers runs the program against each broker of the testbed that is running, with a
// sink of its own: it needs no OpenSearch.
//
// # Forms
//
// The short form publishes 1,500 documents for each fault, 1,000 a second; the long one,
// with PULLTRAIL_TEST_FAULTS=long, 12,000, with faults of ten seconds.
package faulttest
