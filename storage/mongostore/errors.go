package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"acquis/lrs"
)

// isDuplicate reports whether err says that one document was not inserted because its id is taken,
// and nothing else.
func isDuplicate(err error) bool {
	var written mongo.WriteException
	if errors.As(err, &written) {
		if written.WriteConcernError != nil || len(written.WriteErrors) == 0 {
			return false
		}
		for _, e := range written.WriteErrors {
			if e.Code != codeDuplicate {
				return false
			}
		}
		return true
	}
	var command mongo.CommandError
	return errors.As(err, &command) && command.Code == codeDuplicate
}

// transient are the codes of servers that cannot answer now: stepping down, shutting down, out of
// time, not allowed any more.
var transient = []int{6, 7, 13, 18, 50, 64, 89, 91, 100, 112, 133, 189, 202, 262, 317, 358, 384, 407, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436}

// unavailable makes an error that asks the client to try again out of one that says that the
// database can't be reached, and leaves others as they are.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || lrs.KindOf(err) != 0 {
		return err
	}
	if isTransient(err) {
		return fmt.Errorf("%w: %w", errDatabase, err)
	}
	return err
}

func isTransient(err error) bool {
	var selection topology.ServerSelectionError
	var pool driver.RetryablePoolError // a pool that was cleared because another operation lost its connection
	if errors.As(err, &selection) || errors.As(err, &pool) && pool.Retryable() || mongo.IsNetworkError(err) || mongo.IsTimeout(err) || errors.Is(err, mongo.ErrClientDisconnected) {
		return true
	}
	var server mongo.ServerError
	if errors.As(err, &server) {
		for _, code := range transient {
			if server.HasErrorCode(code) {
				return true
			}
		}
		return server.HasErrorLabel("RetryableWriteError") || server.HasErrorLabel("TransientTransactionError")
	}
	var labelled mongo.LabeledError
	return errors.As(err, &labelled) && labelled.HasErrorLabel("RetryableError")
}

var errDatabase = lrs.Errorf(lrs.KindUnavailable, "the database cannot be reached at the moment: send the request again later")

// notFound makes ErrNotFound of the driver's.
func notFound(err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return lrs.ErrNotFound
	}
	return unavailable(err)
}

func asBulk(err error) (bulk mongo.BulkWriteException, ok bool) {
	ok = errors.As(err, &bulk)
	return bulk, ok
}
