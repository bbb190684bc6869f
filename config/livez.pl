#!/usr/bin/perl
# The health check of a container: asks the process itself, GET /livez on its Unix socket HEALTH_SOCKET, whether it is alive.
# Exit 0 or 1, with a line that says why. Perl is part of every Debian (perl-base): 7 MB and 20 ms of CPU, a twentieth of a
# Node process.
use strict;
use warnings;
use Socket;

# Longer than a busy event loop takes; shorter than the timeout of the check.
my $TIMEOUT_S = 3;

sub end {
    my ($code, $line) = @_;
    print "$line\n";
    exit $code;
}

my $path = $ENV{HEALTH_SOCKET} or end(1, 'HEALTH_SOCKET is not set');
$SIG{ALRM} = sub { end(1, "no answer within $TIMEOUT_S s") };
alarm $TIMEOUT_S;
socket(my $socket, PF_UNIX, SOCK_STREAM, 0) or end(1, "no socket: $!");
connect($socket, pack_sockaddr_un($path)) or end(1, "$path: $!");
syswrite($socket, "GET /livez HTTP/1.0\r\n\r\n") or end(1, "$path: $!");
my $answer = '';
1 while sysread($socket, $answer, 65_536, length $answer);
my ($status, $body) = $answer =~ m{\AHTTP/1\.\d (\d+).*?\r\n\r\n(.*)\z}s;
end(1, 'no answer') unless defined $status;
end($status eq '200' ? 0 : 1, $body);
