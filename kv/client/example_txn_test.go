package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// connect returns a client of a cluster that has a store and a scheduler, and a function
// that stops all of them.
func connect() (c *client.Transactional, stop func()) {
	storeAddr, stopStore := serveAlone()
	schedulerAddr, stopScheduler := serveDirectory(storeAddr)
	conn, err := grpc.NewClient(schedulerAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	c, err = client.NewTransactional(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		c.Close()
		conn.Close()
		stopScheduler()
		stopStore()
	}
}

// balance reads an account.
func balance(ctx context.Context, txn *client.Txn, account string) (int, error) {
	value, found, err := txn.Get(ctx, []byte(account))
	if err != nil || !found {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// Run is the way to change something: it tries again on conflicts.
func ExampleTransactional_Run() {
	c, stop := connect()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	err := c.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
		if err := txn.Put([]byte("alice"), []byte("100")); err != nil {
			return err
		}
		return txn.Put([]byte("bob"), []byte("0"))
	})
	if err != nil {
		log.Fatal(err)
	}

	errPoor := errors.New("not enough money")
	transfer := func(ctx context.Context, txn *client.Txn) error {
		alice, err := balance(ctx, txn, "alice")
		if err != nil {
			return err
		}
		bob, err := balance(ctx, txn, "bob")
		if err != nil {
			return err
		}
		if alice < 70 {
			return errPoor // the transaction is rolled back
		}
		if err := txn.Put([]byte("alice"), []byte(strconv.Itoa(alice-70))); err != nil {
			return err
		}
		return txn.Put([]byte("bob"), []byte(strconv.Itoa(bob+70)))
	}
	for range 2 {
		err := c.Run(ctx, transfer)
		var unknown *client.OutcomeUnknownError
		switch {
		case errors.As(err, &unknown):
			log.Fatal("the money may have been transferred: ", err)
		case err != nil:
			fmt.Println("the money was not transferred:", err)
		default:
			fmt.Println("the money was transferred")
		}
	}
	// Output:
	// the money was transferred
	// the money was not transferred: not enough money
}

// A transaction reads one snapshot, whatever is committed meanwhile.
func ExampleTransactional_Begin() {
	c, stop := connect()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	first, err := c.Begin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer first.Rollback() // does nothing after Commit
	second, err := c.Begin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer second.Rollback()

	for _, city := range []string{"Oslo", "Lima", "Pune"} {
		if err := first.Put([]byte(city), []byte("first")); err != nil {
			log.Fatal(err)
		}
	}
	if err := first.Commit(ctx); err != nil {
		log.Fatal(err)
	}

	_, found, err := second.Get(ctx, []byte("Oslo"))
	fmt.Println("the second one finds Oslo:", found, err)
	if err := second.Put([]byte("Lima"), []byte("second")); err != nil {
		log.Fatal(err)
	}
	var conflict *client.ConflictError
	if err := second.Commit(ctx); errors.As(err, &conflict) {
		fmt.Printf("conflict at %s\n", conflict.Key)
	}

	for pair, err := range c.At(first.CommitTS()).Scan(ctx, []byte("M"), nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", pair.Key, pair.Value)
	}
	// Output:
	// the second one finds Oslo: false <nil>
	// conflict at Lima
	// Oslo: first
	// Pune: first
}
