package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
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

// A directory is a scheduler that knows one region, on one store. A real one is told by
// the stores of a cluster, and has the same service.
type directory struct {
	schedulerpb.UnimplementedSchedulerServer
	region *metapb.Region
	store  *metapb.Store
	oracle *oracle
}

func (d directory) Tso(stream schedulerpb.Scheduler_TsoServer) error {
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&schedulerpb.TsoResponse{Count: req.Count, Timestamp: parts(d.oracle.next(req.Count))}); err != nil {
			return err
		}
	}
}

func (directory) GetMembers(context.Context, *schedulerpb.GetMembersRequest) (*schedulerpb.GetMembersResponse, error) {
	return &schedulerpb.GetMembersResponse{Header: &schedulerpb.ResponseHeader{ClusterId: 1}}, nil
}

func (d directory) GetRegion(context.Context, *schedulerpb.GetRegionRequest) (*schedulerpb.GetRegionResponse, error) {
	return &schedulerpb.GetRegionResponse{Region: d.region, Leader: d.region.Peers[0]}, nil
}

func (d directory) GetStore(context.Context, *schedulerpb.GetStoreRequest) (*schedulerpb.GetStoreResponse, error) {
	return &schedulerpb.GetStoreResponse{Store: d.store}, nil
}

// serveDirectory serves the directory of a store, and returns its address.
func serveDirectory(storeAddr string) (addr string, stop func()) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	g := grpc.NewServer()
	schedulerpb.RegisterSchedulerServer(g, directory{
		region: &metapb.Region{
			Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: 1, ConfVer: 1},
			Peers: []*metapb.Peer{{Id: 3, StoreId: 2}},
		},
		store:  &metapb.Store{Id: 2, Address: storeAddr},
		oracle: &oracle{},
	})
	go g.Serve(lis)
	return lis.Addr().String(), g.Stop
}

// A client that has a scheduler needs no addresses of stores.
func Example_scheduler() {
	storeAddr, stopStore := serveAlone()
	defer stopStore()
	schedulerAddr, stopScheduler := serveDirectory(storeAddr)
	defer stopScheduler()

	conn, err := grpc.NewClient(schedulerAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	c, err := client.NewRaw(client.Config{Scheduler: schedulerpb.NewSchedulerClient(conn)})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, city := range []string{"Oslo", "Lima", "Pune"} {
		if err := c.Put(ctx, engine.CFDefault, []byte(city), []byte("a city")); err != nil {
			log.Fatal(err)
		}
	}
	leader, err := c.Leader(ctx, []byte("Oslo"))
	fmt.Println("store", leader.ID, leader.Addr == storeAddr, err)

	// The parts of a scan are of one moment each, and need not all be in memory.
	for part, err := range c.ScanParts(ctx, engine.CFDefault, []byte("M"), 1000) {
		if err != nil {
			log.Fatal(err)
		}
		for _, p := range part.Pairs {
			fmt.Printf("%s: %s\n", p.Key, p.Value)
		}
	}
	// Output:
	// store 2 true <nil>
	// Oslo: a city
	// Pune: a city
}
