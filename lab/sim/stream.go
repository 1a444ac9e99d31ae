package sim

import (
	"context"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// A clientStream is the caller's end of a stream. It implements grpc.ClientStream.
type clientStream struct{ call *call }

func (s *clientStream) Context() context.Context     { return s.call.ctx }
func (s *clientStream) Header() (metadata.MD, error) { return nil, nil }
func (s *clientStream) Trailer() metadata.MD         { return nil }

func (s *clientStream) CloseSend() error {
	s.call.ask(frame{end: io.EOF})
	return nil
}

// SendMsg never blocks. It returns io.EOF once the call has ended; RecvMsg says why.
func (s *clientStream) SendMsg(m any) error {
	if s.call.down.over() || s.call.ctx.Err() != nil {
		return io.EOF
	}
	body, err := encode(m)
	if err != nil {
		return err
	}
	s.call.ask(frame{body: body})
	return nil
}

func (s *clientStream) RecvMsg(m any) error {
	body, err := s.call.down.next()
	if err != nil {
		s.call.returned()
		return err
	}
	return proto.Unmarshal(body, m.(proto.Message))
}

// A serverStream is the handler's end of a stream. It implements grpc.ServerStream.
type serverStream struct {
	call *call
	ctx  context.Context
	life *life
}

func (s *serverStream) Context() context.Context     { return s.ctx }
func (s *serverStream) SetHeader(metadata.MD) error  { return nil }
func (s *serverStream) SendHeader(metadata.MD) error { return nil }
func (s *serverStream) SetTrailer(metadata.MD)       {}

// SendMsg never blocks.
func (s *serverStream) SendMsg(m any) error {
	if err := s.ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	body, err := encode(m)
	if err != nil {
		return err
	}
	s.call.answer(s.life, frame{body: body})
	return nil
}

func (s *serverStream) RecvMsg(m any) error {
	body, err := s.call.up.next()
	if err != nil {
		return err
	}
	return proto.Unmarshal(body, m.(proto.Message))
}

// encode returns m as bytes, never nil: an empty message is a message, too.
func encode(m any) ([]byte, error) {
	body, err := deterministic.MarshalAppend([]byte{}, m.(proto.Message))
	if err != nil {
		return nil, status.Errorf(codes.Internal, "cannot encode a message: %v", err)
	}
	return body, nil
}
