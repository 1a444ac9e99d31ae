package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// serveAlone serves a store on its own, in memory, and returns its address.
func serveAlone() (addr string, stop func()) {
	disk := memory.NewDisk()
	s := standalone.New(standalone.Config{Open: func() (engine.Engine, error) { return disk.Open(engine.Families...) }})
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	g := grpc.NewServer()
	tinykvpb.RegisterTinyKvServer(g, server.New(s))
	go g.Serve(lis)
	return lis.Addr().String(), func() {
		g.Stop()
		if err := s.Stop(); err != nil {
			log.Fatal(err)
		}
	}
}

func Example() {
	addr, stop := serveAlone()
	defer stop()

	c, err := client.NewRaw(client.Config{Stores: client.At(addr)})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// A call goes on until it is served, or until its context is over.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, city := range []string{"Oslo", "Lima", "Pune"} {
		err := c.Put(ctx, engine.CFDefault, []byte(city), []byte("a city"))
		var unknown *client.OutcomeUnknownError
		switch {
		case errors.As(err, &unknown):
			log.Fatal("it may be there, or come yet: ", err)
		case err != nil:
			log.Fatal("it is not there: ", err)
		}
	}

	_, found, err := c.Get(ctx, engine.CFDefault, []byte("Rome"))
	fmt.Println("Rome:", found, err)
	pairs, _, err := c.Scan(ctx, engine.CFDefault, []byte("M"), 10)
	for _, p := range pairs {
		fmt.Printf("%s: %s\n", p.Key, p.Value)
	}
	fmt.Println(err)
	// Output:
	// Rome: false <nil>
	// Oslo: a city
	// Pune: a city
	// <nil>
}
