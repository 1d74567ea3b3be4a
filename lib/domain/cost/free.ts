const network = 'A part of the VPC; what passes it is billed where it enters or leaves.';
const permission = 'AWS Identity and Access Management is free.';
const policy = 'A policy of a resource is part of it.';
const loadBalancing = 'Billed with its load balancer.';
const group = 'A list of names for the database instance.';

/** Resource types that cost nothing by themselves, and why not. A type is here or has a price: there is no third way. */
export const withoutCharge: Readonly<Record<string, string>> = {
  'AWS::ApplicationAutoScaling::ScalableTarget':
    'Autoscaling is free; the tasks that it starts are not, and stand at the service.',
  'AWS::Backup::BackupSelection': 'Names what is backed up; what is kept is billed with the plan.',
  'AWS::Backup::BackupVault': 'What is kept in it is billed with the plan that fills it.',
  'AWS::CertificateManager::Certificate': 'Public certificates for integrated services are free.',
  'AWS::EC2::FlowLog': 'Billed with the log group that it writes to.',
  'AWS::EC2::InternetGateway': network,
  'AWS::EC2::Route': network,
  'AWS::EC2::RouteTable': network,
  'AWS::EC2::SecurityGroup': network,
  'AWS::EC2::SecurityGroupEgress': network,
  'AWS::EC2::SecurityGroupIngress': network,
  'AWS::EC2::Subnet': network,
  'AWS::EC2::SubnetRouteTableAssociation': network,
  'AWS::EC2::VPC': network,
  'AWS::EC2::VPCGatewayAttachment': network,
  'AWS::ECS::TaskDefinition': 'Billed with the service that runs it.',
  'AWS::ElasticLoadBalancingV2::Listener': loadBalancing,
  'AWS::ElasticLoadBalancingV2::ListenerRule': `${loadBalancing} Ten rules are free, and the silo has fewer.`,
  'AWS::ElasticLoadBalancingV2::TargetGroup': loadBalancing,
  'AWS::IAM::ManagedPolicy': permission,
  'AWS::IAM::Policy': permission,
  'AWS::IAM::Role': permission,
  'AWS::KMS::Alias': 'Aliases are free.',
  'AWS::Logs::ResourcePolicy': policy,
  'AWS::RDS::DBParameterGroup': group,
  'AWS::RDS::DBSubnetGroup': group,
  'AWS::S3::BucketPolicy': policy,
  'AWS::SNS::Subscription': 'Messages are billed with their topic.',
  'AWS::SNS::TopicPolicy': policy,
  'AWS::WAFv2::LoggingConfiguration': 'Billed with the log group that it writes to.',
  'AWS::WAFv2::WebACLAssociation': 'Billed with its web ACL.',
};
