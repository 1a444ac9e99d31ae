// Package client connects processes to the scheduler of their cluster.
//
// A program that only asks uses the generated stub on a connection of Dial:
//
//	conn, err := client.Dial("10.0.0.1:20150")
//	scheduler := schedulerpb.NewSchedulerClient(conn)
//
// A store has two needs more. A StoreClient carries its reports without ever
// making it wait, and brings back what the scheduler answers. An AddressBook
// finds where the other stores listen.
//
// The scheduler may be slow or away at any time, for as long as it likes. The
// connection is tried again and again, with pauses that grow up to maxPause.
package client
