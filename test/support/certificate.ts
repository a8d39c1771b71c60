import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestCertificate {
  /** PEM. */
  readonly key: string
  readonly cert: string
  /** `AB:CD:…` */
  readonly fingerprint256: string
}

/** A self-signed certificate, made by openssl; for `localhost` and 127.0.0.1 unless told otherwise. */
export function makeCertificate(options: { names?: string; expired?: boolean } = {}): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'workbin-cert-'))
  const place = (name: string) => join(folder, name)
  const openssl = (line: string) => execFileSync('openssl', line.split(' '), { stdio: 'pipe', cwd: folder })
  const names = options.names ?? 'DNS:localhost,IP:127.0.0.1'
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -subj /CN=localhost'
  try {
    if (options.expired) {
      // `req` makes no certificate of the past; `ca` does.
      writeFileSync(
        place('ca.cnf'),
        `[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=${names}\n`,
      )
      writeFileSync(place('index'), '')
      writeFileSync(place('serial'), '01\n')
      openssl(`req -new ${key} -out request.pem`)
      openssl(
        'ca -batch -selfsign -config ca.cnf -extensions x -keyfile key.pem -in request.pem -notext -out cert.pem -startdate 20240101000000Z -enddate 20240201000000Z',
      )
    } else openssl(`req -x509 ${key} -days 30 -addext subjectAltName=${names} -out cert.pem`)
    const cert = readFileSync(place('cert.pem'), 'utf8')
    return {
      key: readFileSync(place('key.pem'), 'utf8'),
      cert,
      fingerprint256: new X509Certificate(cert).fingerprint256,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
