/** What the cloud says about one silo, in the words of the checks. Times are RFC 3339, UTC. */
export interface KeyFacts {
  readonly arn: string;
  /** `Enabled`, `Disabled`, `PendingDeletion`, … */
  readonly state: string;
  /** `CUSTOMER` or `AWS`. */
  readonly manager: string;
  readonly rotating: boolean;
  readonly rotationPeriodDays: number | null;
  /** The key policy as JSON text. */
  readonly policy: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface DatabaseFacts {
  readonly id: string;
  /** `available`, `storage-optimization`, `inaccessible-encryption-credentials-recoverable`, … */
  readonly status: string;
  readonly encrypted: boolean;
  readonly keyArn: string | null;
  readonly public: boolean;
  readonly deletionProtection: boolean;
  readonly backupRetentionDays: number;
  readonly parameterGroup: { readonly name: string; readonly applyStatus: string } | null;
  readonly vpcId: string | null;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly masterSecretArn: string | null;
  /** For example `18.1`. */
  readonly engineVersion: string;
  readonly multiAz: boolean;
  readonly iamAuthentication: boolean;
  /** Seconds between two samples of enhanced monitoring; 0 when it is off. */
  readonly monitoringIntervalSeconds: number;
  /** Logs that RDS sends to CloudWatch Logs, for example `postgresql`. */
  readonly logExports: readonly string[];
}

export interface SecretFacts {
  readonly arn: string;
  readonly keyArn: string | null;
  /** The service that keeps it, for example `rds`. */
  readonly owningService: string | null;
  readonly deletedAt: string | null;
}

/** A way between networks: peering, transit gateway or VPN. */
export interface NetworkConnection {
  readonly kind: 'peering' | 'transit-gateway' | 'vpn';
  readonly id: string;
  readonly state: string;
}

export interface RouteTableFacts {
  readonly id: string;
  readonly main: boolean;
  readonly subnetIds: readonly string[];
  readonly routes: readonly {
    readonly destination: string;
    /** `local`, or the id of what it leads to: `igw-…`, `vpce-…`, `nat-…`, `pcx-…`, … */
    readonly target: string;
  }[];
}

/** A security group with every rule, inbound and outbound. */
export interface SecurityGroupFacts {
  readonly id: string;
  /** `default` for the one that the VPC was born with. */
  readonly name: string;
  readonly rules: readonly {
    readonly id: string;
    readonly outbound: boolean;
    readonly protocol: string;
    /** Null when the protocol has no ports or the rule names all of them. */
    readonly fromPort: number | null;
    readonly toPort: number | null;
    /** Whom it lets in, or where it lets out to: a security group's id, an address range or a prefix list's id. */
    readonly peer: string;
  }[];
}

/** One inbound rule of a security group: what it admits, from where. */
export interface IngressRule {
  readonly protocol: string;
  /** Null when the protocol has no ports or the rule names all of them. */
  readonly fromPort: number | null;
  readonly toPort: number | null;
  /** A security group's id, an address range or a prefix list's id. */
  readonly source: string;
}

/** A way from the VPC to an AWS service. */
export interface EndpointFacts {
  readonly id: string;
  /** For example `com.amazonaws.us-east-1.kms`. */
  readonly service: string;
  readonly state: string;
  /** The policy document as JSON text; null when AWS shows none. */
  readonly policy: string | null;
}

export interface LoadBalancerFacts {
  readonly securityGroupIds: readonly string[];
  readonly deletionProtection: boolean;
  /** Bucket of the access logs; null when they are off. */
  readonly accessLogBucket: string | null;
  readonly dropsInvalidHeaders: boolean;
  /** What listeners without TLS do but send to HTTPS, whatever rule says so: nothing, as it should be. */
  readonly plainAnswers: readonly string[];
  /** What becomes of ambiguous requests: monitor, defensive or strictest ("Desync mitigation mode"). */
  readonly desyncMitigation: string;
}

/** Who may open a connection into the VPC. */
export interface OpeningFacts {
  /** Security groups of the load balancer. */
  readonly entranceGroupIds: readonly string[];
  /** Every security group of the VPC. */
  readonly groups: readonly SecurityGroupFacts[];
}

/** The web ACL in front of a load balancer. */
export interface WebAclFacts {
  readonly arn: string;
  /** Rule groups and other rules in force, by name. */
  readonly rules: readonly string[];
  /** Where it logs to: ARNs; none when logging is off. */
  readonly logDestinations: readonly string[];
}

export interface LogGroupFacts {
  readonly name: string;
  readonly keyArn: string | null;
  /** Null: kept for ever. */
  readonly retentionDays: number | null;
}

export interface BucketFacts {
  readonly name: string;
  /** For example `aws:kms`; null when AWS shows none. */
  readonly encryption: string | null;
  readonly keyArn: string | null;
  /** All four settings of S3 Block Public Access. */
  readonly publicAccessBlocked: boolean;
  readonly versioned: boolean;
  /** The bucket policy as JSON text; null when there is none. */
  readonly policy: string | null;
}

export interface BackupVaultFacts {
  readonly name: string;
  readonly keyArn: string | null;
  readonly locked: boolean;
  /** The shortest time that a recovery point is kept, by the lock; null without one. */
  readonly leastRetentionDays: number | null;
}

export interface BackupPlanFacts {
  /** ARNs of what it backs up; may end in `*`. */
  readonly resources: readonly string[];
  readonly rules: readonly {
    readonly name: string;
    readonly vault: string;
    /** Vaults that get a second copy: ARNs. */
    readonly copies: readonly string[];
    readonly deleteAfterDays: number | null;
  }[];
}

export interface ListenerFacts {
  readonly loadBalancerArn: string;
  readonly protocol: string;
  readonly port: number | null;
  /** For example `ELBSecurityPolicy-TLS13-1-2-Res-2021-06`. */
  readonly tlsPolicy: string | null;
  readonly certificates: number;
}

/** One rule of a listener. */
export interface ListenerRuleFacts {
  /** A number, lowest first, or `default`. */
  readonly priority: string;
  /** Host names that it is for; empty: any. */
  readonly hosts: readonly string[];
  /** Whether it looks at more than the host, such as the path or a header. */
  readonly narrower: boolean;
  /** Each action in words: `forward`, `redirect`, `fixed-response 503`, … */
  readonly actions: readonly string[];
}

/** What came back for `GET /` at the practice's address. */
export interface AddressFacts {
  readonly status: number;
  /** Protocol of the TLS session, for example `TLSv1.3`; null over plain HTTP (the sandbox's load balancer). */
  readonly tls: string | null;
}

/** What a load balancer forwards requests to. */
export interface TargetGroupFacts {
  readonly name: string;
  /** Between the load balancer and its targets: `HTTPS`, for example. */
  readonly protocol: string;
  readonly healthCheckProtocol: string;
}

export interface ServiceFacts {
  readonly status: string;
  readonly desired: number;
  readonly running: number;
  readonly pending: number;
  /** Rollout states of the deployments in force, for example `COMPLETED`; one entry when steady. */
  readonly rollouts: readonly string[];
  readonly taskDefinitionArn: string;
  /** Whether ECS Exec may open a shell in a task. */
  readonly commandExecution: boolean;
}

export interface TaskDefinitionFacts {
  readonly arn: string;
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    /** `user` or `user:group`, by name or number; null when the image decides. */
    readonly user: string | null;
    readonly readOnlyRoot: boolean;
    readonly privileged: boolean;
  }[];
}

export interface TaskFacts {
  readonly arn: string;
  readonly lastStatus: string;
  readonly containers: readonly { readonly name: string; readonly imageDigest: string | null }[];
}

/** The practice app's `GET /version`. */
export interface VersionFacts {
  readonly practiceId: string;
  readonly releaseId: string;
}

/** The practice app's `GET /readyz`, answered after a real query and a real use of the key. */
export interface ReadinessFacts {
  readonly status: string;
  readonly practiceId: string;
  readonly releaseId: string;
  readonly databaseTls: boolean;
  readonly databaseRoundTripMs: number;
  readonly keyArn: string;
}
