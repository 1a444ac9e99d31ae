package client_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// heartbeat is a report of a region, of which the size tells one report from another.
func heartbeat(region, size uint64) *schedulerpb.RegionHeartbeatRequest {
	return &schedulerpb.RegionHeartbeatRequest{Region: &metapb.Region{Id: region}, ApproximateSize: size}
}

// obey answers each heartbeat with an order that names its region and its size.
func obey(s schedulerpb.Scheduler_RegionHeartbeatServer) error {
	for {
		h, err := s.Recv()
		if err != nil {
			return nil
		}
		if err := s.Send(&schedulerpb.RegionHeartbeatResponse{
			RegionId:       h.Region.Id,
			TransferLeader: &schedulerpb.TransferLeader{Peer: &metapb.Peer{Id: h.ApproximateSize, StoreId: h.Header.ClusterId}},
		}); err != nil {
			return err
		}
	}
}

// expect waits for the order to a heartbeat.
func (r *receiver) expect(t *testing.T, region, size uint64) {
	t.Helper()
	o := await.Receive(t, r.orders, "an order")
	require.Equal(t, []uint64{region, size, clusterID}, []uint64{o.RegionId, o.TransferLeader.Peer.Id, o.TransferLeader.Peer.StoreId})
}

func TestOrders(t *testing.T) {
	f := newFake(t).begin()
	f.streams(obey)
	c, r := f.store()
	c.RegionHeartbeat(heartbeat(1, 10))
	r.expect(t, 1, 10)
	c.RegionHeartbeat(heartbeat(2, 20))
	r.expect(t, 2, 20)
	c.RegionHeartbeat(heartbeat(1, 11))
	r.expect(t, 1, 11)
	require.Zero(t, c.Dropped())
}

// An answer without an order, and a refusal, are no orders.
func TestAnswersThatAreNoOrders(t *testing.T) {
	f := newFake(t).begin()
	f.streams(func(s schedulerpb.Scheduler_RegionHeartbeatServer) error {
		_, err := s.Recv()
		require.NoError(t, err)
		order := &schedulerpb.TransferLeader{Peer: &metapb.Peer{Id: 1}}
		for _, answer := range []*schedulerpb.RegionHeartbeatResponse{
			{RegionId: 1},
			{RegionId: 2, TransferLeader: order, Header: &schedulerpb.ResponseHeader{Error: &schedulerpb.Error{Type: schedulerpb.ErrorType_UNKNOWN}}},
			{RegionId: 3, ChangePeer: &schedulerpb.ChangePeer{}, Header: &schedulerpb.ResponseHeader{Error: &schedulerpb.Error{Type: schedulerpb.ErrorType_OK}}},
			{RegionId: 4, SplitRegion: &schedulerpb.SplitRegion{}},
		} {
			if err := s.Send(answer); err != nil {
				return err
			}
		}
		return obey(s)
	})
	c, r := f.store()
	c.RegionHeartbeat(heartbeat(1, 1))
	for _, region := range []uint64{3, 4} {
		require.Equal(t, region, await.Receive(t, r.orders, "an order").RegionId)
	}
}

// While the scheduler is away, the last heartbeat of each region waits for it.
func TestSchedulerThatIsAway(t *testing.T) {
	f := newFake(t)
	f.streams(obey)
	c, r := f.store()
	for size := range uint64(100) {
		c.RegionHeartbeat(heartbeat(1, size))
		c.RegionHeartbeat(heartbeat(2, size))
	}
	require.Equal(t, uint64(198), c.Dropped())
	f.begin()
	r.expect(t, 1, 99)
	r.expect(t, 2, 99)
}

// After each end of the scheduler the client finds it again.
func TestSchedulerThatRestarts(t *testing.T) {
	f := newFake(t)
	f.streams(obey)
	c, r := f.store()
	for size := range uint64(3) {
		f.begin()
		// A heartbeat that was on its way when the scheduler ended is lost.
		await.Until(t, "an order", func() bool {
			c.RegionHeartbeat(heartbeat(1, size))
			return len(r.orders) > 0
		})
		f.end()
		for len(r.orders) > 0 {
			<-r.orders
		}
	}
}

// A stream that the scheduler ends at once is tried again, with pauses.
func TestStreamThatEnds(t *testing.T) {
	f := newFake(t).begin()
	var mu sync.Mutex
	refused := 0
	f.streams(func(s schedulerpb.Scheduler_RegionHeartbeatServer) error {
		mu.Lock()
		defer mu.Unlock()
		if refused < 3 {
			refused++
			return status.Error(codes.Unavailable, "not now")
		}
		return obey(s)
	})
	var log lines
	c, r := f.store(func(cfg *client.StoreConfig) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	await.Until(t, "an order", func() bool {
		c.RegionHeartbeat(heartbeat(1, 1))
		return len(r.orders) > 0
	})
	require.Contains(t, log.String(), `msg="no answer of the scheduler" call="region heartbeats" error="not now"`)
	require.Contains(t, log.String(), `msg="the scheduler answers again"`)
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A scheduler that does not take heartbeats holds no store up. When it goes on, it gets
// what is true by then.
func TestSlowScheduler(t *testing.T) {
	f := newFake(t).begin()
	goOn := make(chan struct{})
	f.streams(func(s schedulerpb.Scheduler_RegionHeartbeatServer) error {
		select {
		case <-goOn:
		case <-s.Context().Done():
			return nil
		}
		return obey(s)
	})
	c, r := f.store()
	const regions, rounds = 20, 100
	large := []byte(strings.Repeat("x", 64<<10)) // so that few fit into the windows of gRPC
	for size := range uint64(rounds) {
		for id := range uint64(regions) {
			h := heartbeat(id+1, size)
			h.Region.EndKey = large
			c.RegionHeartbeat(h)
		}
	}
	require.GreaterOrEqual(t, c.Dropped(), uint64(regions*rounds/2))
	close(goOn)
	last := map[uint64]uint64{}
	await.Until(t, "the last heartbeats of all regions", func() bool {
		for len(r.orders) > 0 {
			o := <-r.orders
			last[o.RegionId] = o.TransferLeader.Peer.Id
		}
		for id := range uint64(regions) {
			if last[id+1] != rounds-1 {
				return false
			}
		}
		return true
	})
}

func TestQuestions(t *testing.T) {
	f := newFake(t).begin()
	f.streams(obey)
	stats := make(chan *schedulerpb.StoreStats, 1)
	f.answers(func(_ context.Context, request any) (any, error) {
		switch q := request.(type) {
		case *schedulerpb.AskSplitRequest:
			if q.Header.ClusterId != clusterID {
				return nil, io.ErrUnexpectedEOF
			}
			return &schedulerpb.AskSplitResponse{NewRegionId: 8, NewPeerIds: []uint64{9}}, nil
		case *schedulerpb.GetRegionByIDRequest:
			return &schedulerpb.GetRegionResponse{Region: &metapb.Region{Id: q.RegionId, StartKey: []byte("now")}}, nil
		case *schedulerpb.StoreHeartbeatRequest:
			stats <- q.Stats
			return &schedulerpb.StoreHeartbeatResponse{}, nil
		}
		return nil, io.ErrUnexpectedEOF
	})
	c, r := f.store(func(cfg *client.StoreConfig) {
		cfg.Complete = func(s *schedulerpb.StoreStats) { s.Capacity = 1000 }
	})
	c.AskSplit(&schedulerpb.AskSplitRequest{Region: &metapb.Region{Id: 5, StartKey: []byte("then")}})
	asked := await.Receive(t, r.split, "ids for a split")
	require.Equal(t, []byte("then"), asked.StartKey)
	require.Equal(t, uint64(8), (<-r.ids).NewRegionId)

	c.FindRegion(5)
	require.Equal(t, []byte("now"), await.Receive(t, r.found, "a region").StartKey)

	c.StoreHeartbeat(&schedulerpb.StoreStats{StoreId: 1})
	s := await.Receive(t, stats, "the store's heartbeat")
	require.Equal(t, []uint64{1, 1000}, []uint64{s.StoreId, s.Capacity})
}

// Of refusals, of errors and of nothing the store does not hear.
func TestQuestionsWithoutAnswer(t *testing.T) {
	f := newFake(t).begin()
	f.streams(obey)
	refusal := &schedulerpb.ResponseHeader{Error: &schedulerpb.Error{Type: schedulerpb.ErrorType_STORE_TOMBSTONE, Message: "store 1 is gone"}}
	f.answers(func(_ context.Context, request any) (any, error) {
		switch q := request.(type) {
		case *schedulerpb.AskSplitRequest:
			return &schedulerpb.AskSplitResponse{Header: refusal, NewRegionId: 8}, nil
		case *schedulerpb.GetRegionByIDRequest:
			switch q.RegionId {
			case 1:
				return &schedulerpb.GetRegionResponse{}, nil
			case 2:
				return nil, status.Error(codes.Internal, "my disk")
			}
			return &schedulerpb.GetRegionResponse{Region: &metapb.Region{Id: q.RegionId}}, nil
		}
		return nil, io.ErrUnexpectedEOF
	})
	var log lines
	c, r := f.store(func(cfg *client.StoreConfig) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for i, ask := range []func(){
		func() { c.AskSplit(&schedulerpb.AskSplitRequest{Region: &metapb.Region{Id: 5}}) },
		func() { c.FindRegion(1) },
		func() { c.FindRegion(2) },
	} {
		ask()
		await.Until(t, "the question to arrive", func() bool { return f.asked() == i+1 })
	}
	c.FindRegion(3)
	require.Equal(t, uint64(3), await.Receive(t, r.found, "a region").Id)
	await.Until(t, "the log to say what went wrong", func() bool {
		return strings.Contains(log.String(), `level=ERROR msg="the scheduler has removed this store from the cluster" call=split error="store 1 is gone"`) &&
			strings.Contains(log.String(), `level=WARN msg="no answer of the scheduler" call=region error="my disk"`)
	})
	require.Empty(t, r.ids)
	require.Empty(t, r.found)
}

// A scheduler that does not answer has a bounded number of questions to answer, each
// only once at a time, and does not hold up the end of the client.
func TestQuestionsToASchedulerThatHangs(t *testing.T) {
	f := newFake(t).begin()
	f.streams(obey)
	var mu sync.Mutex
	open := 0
	f.answers(func(ctx context.Context, _ any) (any, error) {
		mu.Lock()
		open++
		mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	})
	c, r := f.store()
	for range 100 {
		c.FindRegion(1) // the same, again and again
	}
	await.Until(t, "the question to arrive", func() bool { return f.asked() > 0 })
	for id := range uint64(1000) {
		c.FindRegion(id)
		c.AskSplit(&schedulerpb.AskSplitRequest{Region: &metapb.Region{Id: id}})
		c.StoreHeartbeat(&schedulerpb.StoreStats{})
	}
	await.Until(t, "as many questions as may be open", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return open == client.MaxCalls
	})
	c.RegionHeartbeat(heartbeat(1, 1))
	r.expect(t, 1, 1) // the stream is not held up
	await.Return(t, c.Close, "the end of the client")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, client.MaxCalls, open)
}

// After its end the client does nothing, whatever it is told.
func TestClosedClient(t *testing.T) {
	f := newFake(t).begin()
	f.streams(obey)
	f.answers(func(context.Context, any) (any, error) {
		return &schedulerpb.GetRegionResponse{Region: &metapb.Region{Id: 1}}, nil
	})
	c, r := f.store()
	c.FindRegion(1)
	await.Receive(t, r.found, "a region")
	await.Return(t, c.Close, "the end of the client")
	asked := f.asked()
	c.FindRegion(2)
	c.RegionHeartbeat(heartbeat(1, 1))
	c.StoreHeartbeat(&schedulerpb.StoreStats{})
	c.AskSplit(&schedulerpb.AskSplitRequest{})
	await.Return(t, c.Close, "the end of the client, again")
	require.Equal(t, asked, f.asked())
	require.Empty(t, r.orders)
}
