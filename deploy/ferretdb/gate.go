package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// gate stands between the clients and FerretDB and lets through one change of existing documents at a
// time. FerretDB reads a document, changes it and writes it back without a lock: of two concurrent
// updates with the same filter both would succeed, and one change would be lost. MongoDB updates a
// document atomically, and everything built on compare-and-swap relies on that.
//
// Whatever else a client asks passes at once, and nothing is altered on the way.
type gate struct {
	listener net.Listener
	dial     func(context.Context) (net.Conn, error)
	changes  sync.Mutex
}

// serve accepts clients until ctx is done, and returns when the last of them is gone.
func (g *gate) serve(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = g.listener.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		client, err := g.listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting a client: %w", err)
		}
		clients.Go(func() { g.relay(ctx, client) })
	}
}

// relay passes a client's requests on one by one, each with its answer. It ends when either side
// hangs up: a client may do so whenever it likes, and FerretDB logs why it does.
func (g *gate) relay(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := g.dial(ctx)
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		answer, err := g.exchange(server, request)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// exchange returns the server's answer to a request, and nothing when the client wants none: FerretDB
// answers all the same. A change is done when it returns, also where the client has gone away meanwhile.
func (g *gate) exchange(server net.Conn, request []byte) (answer []byte, err error) {
	wants, command := inspect(request)
	switch command {
	case "update", "delete", "findAndModify", "findandmodify":
		g.changes.Lock()
		defer g.changes.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if answer, err = readMessage(server); !wants {
		answer = nil
	}
	return answer, err
}

// The wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
const (
	headerSize = 16
	// maxMessage is what FerretDB takes.
	maxMessage = 48_000_000
	opMsg      = 2013
	moreToCome = 1 << 1
)

// readMessage reads one message whole, its header included.
func readMessage(r io.Reader) ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size < headerSize || size > maxMessage {
		return nil, errors.New("a message's length is out of bounds")
	}
	message := make([]byte, size)
	copy(message, header[:])
	_, err := io.ReadFull(r, message[headerSize:])
	return message, err
}

// inspect tells whether a request wants an answer, and the name of its command: empty for what is no
// OP_MSG or cannot be read, which is FerretDB's to refuse.
func inspect(request []byte) (wantsAnswer bool, command string) {
	if binary.LittleEndian.Uint32(request[12:]) != opMsg || len(request) < headerSize+4 {
		return true, ""
	}
	wantsAnswer = binary.LittleEndian.Uint32(request[headerSize:])&moreToCome == 0
	for sections := request[headerSize+4:]; len(sections) >= 5; {
		if sections[0] == 0 { // the body: a document whose first element is the command
			return wantsAnswer, firstKey(sections[1:])
		}
		size := uint64(binary.LittleEndian.Uint32(sections[1:])) + 1
		if size > uint64(len(sections)) || size < 5 {
			break
		}
		sections = sections[size:]
	}
	return wantsAnswer, ""
}

// firstKey returns the first key of a BSON document: after its length and the element's type, up to NUL.
func firstKey(document []byte) string {
	for n := 5; n < len(document); n++ {
		if document[n] == 0 {
			return string(document[5:n])
		}
	}
	return ""
}
